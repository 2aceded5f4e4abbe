-- What vehicle-dates hold for service date $day: their measures, and a digest of the rows of each measured table.
-- Digests are of the rows' text, so that they mean the same in every version of the engine.
-- They gather the rows of many vans at once and cannot be put aside on disk: so a portion of vans at a time.

{into}

with

vans as (from reopened_portions where portion = $portion),

digests as (

    {digests}

),

parts as (

    select tenant_id, vehicle_id, map_from_entries(list((part, digest) order by part)) as contents
    from digests
    group by all

),

times as (

    select
        tenant_id,
        vehicle_id,
        coalesce(sum(duration_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        coalesce(sum(duration_us) filter (state = 'idle'), 0) / 1e6 as idle_s,
        coalesce(sum(duration_us) filter (state = 'ready'), 0) / 1e6 as ready_s,
        coalesce(sum(duration_us) filter (state = 'off'), 0) / 1e6 as off_s,
        coalesce(sum(duration_us) filter (state = 'parked'), 0) / 1e6 as parked_s,
        coalesce(sum(duration_us) filter (state = 'unknown'), 0) / 1e6 as unknown_s
    from core.ledger
    semi join vans using (tenant_id, vehicle_id)
    where service_date = $day
    group by all

),

stops as (

    select tenant_id, vehicle_id, count(*) as stop_count
    from core.stops
    semi join vans using (tenant_id, vehicle_id)
    where service_date = $day
    group by all

)

select
    vans.tenant_id,
    vans.vehicle_id,
    days.first_fix_utc,
    days.last_fix_utc,
    days.accepted_count as position_count,
    times.drive_s,
    times.idle_s,
    times.ready_s,
    times.off_s,
    times.parked_s,
    times.unknown_s,
    days.distance_m,
    case when days.first_fix_utc is not null then coalesce(stops.stop_count, 0) end as stop_count,
    days.fuel_used_l,
    days.level_used_pct,
    days.refuel_count,
    parts.contents

from vans
left join (from core.vehicle_dates where service_date = $day) as days using (tenant_id, vehicle_id)
left join times using (tenant_id, vehicle_id)
left join stops using (tenant_id, vehicle_id)
left join parts using (tenant_id, vehicle_id)
