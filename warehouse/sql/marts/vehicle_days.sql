-- marts.vehicle_days: one row per tenant, service date and vehicle.

with

times as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        coalesce(sum(duration_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        coalesce(sum(duration_us) filter (state = 'idle'), 0) / 1e6 as idle_s,
        coalesce(sum(duration_us) filter (state = 'idle' and is_pto), 0) / 1e6 as pto_s,
        coalesce(sum(duration_us) filter (state = 'ready'), 0) / 1e6 as ready_s,
        coalesce(sum(duration_us) filter (state = 'off'), 0) / 1e6 as off_s,
        coalesce(sum(duration_us) filter (state = 'parked'), 0) / 1e6 as parked_s,
        coalesce(sum(duration_us) filter (state = 'unknown'), 0) / 1e6 as unknown_s,
        sum(fuel_l order by started_utc) filter (state = 'idle') as counted_idle_fuel_l
    from core.ledger
    where service_date = $day
    group by all

),

idling as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        count(*) filter (duration_us >= core.idle_event_s() * 1e6) as idle_event_count,
        sum(duration_us) filter (duration_us >= core.idle_event_s() * 1e6) / 1e6 as excess_idle_s,
        count(*) filter (duration_us >= core.long_idle_s() * 1e6) as long_idle_event_count
    from staging.idle_runs
    where service_date = $day and not is_pto
    group by all

),

stops as (

    select tenant_id, service_date, vehicle_id, count(*) as stop_count
    from core.stops
    where service_date = $day
    group by all

),

revisions as (

    select tenant_id, vehicle_id, max(revision) as revision
    from core.revisions
    where service_date = $day
    group by all

),

windows as (

    -- Seconds between two instants, not hours on the clock: a day may have 23 or 25 of them.
    select
        tenant_id,
        depot_id,
        epoch(($day + (window_end <= window_start)::int + window_end) at time zone timezone)
        - epoch(($day + window_start) at time zone timezone) as available_window_s
    from core.depots
    where window_start is not null and window_end is not null

),

measured as (

    select
        days.tenant_id,
        days.service_date,
        days.vehicle_id,
        coalesce(revisions.revision, 0) as revision,
        days.depot_id,
        days.first_fix_utc,
        days.last_fix_utc,
        coalesce(times.drive_s, 0) + coalesce(times.idle_s, 0) as engine_on_s,
        coalesce(times.drive_s, 0) as drive_s,
        coalesce(times.idle_s, 0) as idle_s,
        coalesce(times.pto_s, 0) as pto_s,
        coalesce(times.ready_s, 0) as ready_s,
        coalesce(times.off_s, 0) as off_s,
        coalesce(times.parked_s, 0) as parked_s,
        coalesce(times.unknown_s, 0) as unknown_s,
        days.distance_m,
        days.distance_source,
        coalesce(stops.stop_count, 0) as stop_count,
        coalesce(idling.idle_event_count, 0) as idle_event_count,
        coalesce(idling.excess_idle_s, 0) as excess_idle_s,
        coalesce(idling.long_idle_event_count, 0) as long_idle_event_count,
        windows.available_window_s,
        days.fuel_used_l,
        coalesce(times.counted_idle_fuel_l, coalesce(times.idle_s, 0) / 3600 * fuel.idle_l_per_h) as idle_fuel_l,
        case when times.counted_idle_fuel_l is not null then 'counter' else fuel.idle_rate_source end
            as idle_fuel_source,
        fuel.price_per_l,
        fuel.currency,
        fuel.co2_kg_per_l,
        days.quality_flags

    from core.vehicle_dates as days
    left join revisions using (tenant_id, vehicle_id)
    left join times using (tenant_id, service_date, vehicle_id)
    left join idling using (tenant_id, service_date, vehicle_id)
    left join stops using (tenant_id, service_date, vehicle_id)
    left join core.fuel_terms_on($day) as fuel using (tenant_id, vehicle_id)
    left join windows using (tenant_id, depot_id)
    where days.service_date = $day

)

select
    * exclude (price_per_l, co2_kg_per_l),
    (drive_s + idle_s + off_s + ready_s + parked_s)
    / nullif(drive_s + idle_s + off_s + ready_s + parked_s + unknown_s, 0) as coverage,
    (drive_s + idle_s + off_s + ready_s)
    / nullif(drive_s + idle_s + off_s + ready_s + parked_s + unknown_s, 0) as engine_coverage,
    engine_on_s / nullif(available_window_s, 0) as time_utilization,
    idle_s / nullif(engine_on_s, 0) as idle_share,
    idle_fuel_l * price_per_l as idle_cost,
    fuel_used_l * co2_kg_per_l as co2_kg,
    idle_fuel_l * co2_kg_per_l as idle_co2_kg

from measured
