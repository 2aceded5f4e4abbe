-- Vans that fell silent: planned on a date that is over and not heard all of it, also where they are heard again; or
-- silent for longer than $silent_s since the engine ran; and vans without either that were not heard for $spare_days,
-- because trackers of parked vans sleep. A silence is told by the date it began, and goes on up to the fleet's newest fix.

with

heard as (

    select vehicle_id, service_date, first_fix_utc, last_fix_utc, timezone
    from core.vehicle_dates
    where tenant_id = $tenant_id and coalesce(service_date <= $until::date, true)

),

newest as (

    select max(last_fix_utc) as newest_utc
    from heard

),

over_dates as (

    -- Of a date that is not over nobody knows yet who is missing. After its end a fix of anybody tells that what was
    -- sent before has arrived; at night, when all vans rest, the clock does so, some time later.
    select service_date
    from heard
    group by service_date
    having (select newest_utc from newest) >= core.ends_utc(service_date, min(timezone))
        or $at_utc::timestamp >= core.ends_utc(service_date, min(timezone)) + to_seconds($late_s)

),

planned as (

    select vehicle_id, service_date, min(route_id) as route_id
    from core.planned_routes
    where tenant_id = $tenant_id
    group by all

),

missed as (

    select status.vehicle_id, status.service_date, planned.route_id
    from marts.status_days as status
    semi join over_dates using (service_date)
    anti join heard using (vehicle_id, service_date)
    left join planned using (vehicle_id, service_date)
    where status.tenant_id = $tenant_id
        and status.fleet_status = 'non_communicating'
        and (status.is_available or planned.route_id is not null)

),

silences as (

    select
        missed.vehicle_id,
        before.service_date as heard_date,
        any_value(before.timezone) as timezone,
        any_value(before.last_fix_utc) as started_utc,
        min(after.first_fix_utc) as ended_utc,
        min(missed.service_date) as began_date,
        max(missed.service_date) as last_missed_date,
        arg_max(missed.route_id, (missed.service_date, missed.route_id))
            filter (missed.route_id is not null) as route_id,
        max(missed.service_date) filter (missed.route_id is not null) as last_planned_date
    from missed
    asof left join heard as before
        on before.vehicle_id = missed.vehicle_id and missed.service_date > before.service_date
    asof left join heard as after
        on after.vehicle_id = missed.vehicle_id and missed.service_date < after.service_date
    group by missed.vehicle_id, before.service_date

),

last_runs as (

    select vehicle_id, service_date, arg_max(state, (ended_utc, started_utc)) as last_state
    from core.ledger
    where tenant_id = $tenant_id
    group by vehicle_id, service_date

)

select
    'silent:' || silences.vehicle_id || '/' || began_date as exception_id,
    'silent' as kind,
    case when last_planned_date is not null then 'high' else 'medium' end as severity,
    began_date as service_date,
    started_utc,
    ended_utc,
    silences.timezone,
    silences.vehicle_id,
    route_id,
    'Silent van' as title,
    '' as evidence,
    epoch(coalesce(ended_utc, newest_utc) - started_utc) as duration_s

from silences
cross join newest
left join last_runs
    on last_runs.vehicle_id = silences.vehicle_id and last_runs.service_date = silences.heard_date

where case
        when last_planned_date >= $since::date then true
        when ended_utc is not null or last_missed_date < (select max(service_date) from over_dates) then false
        when last_planned_date is not null then true
        when last_state not in ('off', 'parked') then epoch(newest_utc - started_utc) > $silent_s
        -- Beyond a month it is out of use, and never heard it has no tracker: neither fell silent.
        else epoch(newest_utc - started_utc) / 86400 between $spare_days::integer and $most_days::integer
    end

order by exception_id
