-- Vans that fell silent: planned on a date that is over and not heard all of it, or silent for longer than $silent_s since
-- the engine ran; and vans without either that were not heard for $spare_days, because trackers of parked vans sleep. The
-- clock is the fleet's newest fix, so a fleet that is not heard at all has none. A silence is told by the date it began.

with

newest as (

    select max(last_fix_utc) as newest_utc
    from core.vehicle_dates
    where tenant_id = $tenant_id

),

over_dates as (

    -- Of a date that is not over nobody knows yet who is missing.
    select service_date
    from core.vehicle_dates
    where tenant_id = $tenant_id
    group by service_date
    having (select newest_utc from newest) >= core.ends_utc(service_date, min(timezone))

),

heard as (

    select
        vehicle_id,
        max(service_date) as last_date,
        max(last_fix_utc) as last_fix_utc,
        arg_max(timezone, service_date) as timezone
    from core.vehicle_dates
    where tenant_id = $tenant_id
    group by vehicle_id

),

last_runs as (

    select vehicle_id, arg_max(state, (ended_utc, started_utc)) as last_state
    from core.ledger
    join heard using (vehicle_id)
    where tenant_id = $tenant_id and service_date = heard.last_date
    group by vehicle_id

),

planned as (

    select vehicle_id, service_date, min(route_id) as route_id
    from core.planned_routes
    where tenant_id = $tenant_id
    group by all

),

missed as (

    select
        vehicle_id,
        min(service_date) as began_date,
        max(service_date) as last_missed_date,
        arg_max(route_id, service_date) filter (route_id is not null) as route_id,
        count(route_id) as planned_date_count
    from marts.status_days
    semi join over_dates using (service_date)
    left join heard using (vehicle_id)
    left join planned using (vehicle_id, service_date)
    where tenant_id = $tenant_id
        and fleet_status = 'non_communicating'
        and service_date > coalesce(heard.last_date, date '-infinity')
        and (is_available or planned.route_id is not null)
    group by vehicle_id

)

select
    'silent:' || vehicle_id || '/' || began_date as exception_id,
    'silent' as kind,
    case when planned_date_count > 0 then 'high' else 'medium' end as severity,
    began_date as service_date,
    heard.last_fix_utc as started_utc,
    heard.timezone,
    vehicle_id,
    route_id,
    'Silent van' as title,
    '' as evidence,
    epoch(newest_utc - heard.last_fix_utc) as duration_s

from missed
cross join newest
left join heard using (vehicle_id)
left join last_runs using (vehicle_id)

where last_missed_date = (select max(service_date) from over_dates)
    and case
        when planned_date_count > 0 then coalesce(epoch(newest_utc - heard.last_fix_utc) > $silent_s, true)
        when last_state not in ('off', 'parked') then epoch(newest_utc - heard.last_fix_utc) > $silent_s
        -- Beyond a month it is out of use, and never heard it has no tracker: neither fell silent.
        else epoch(newest_utc - heard.last_fix_utc) / 86400 between $spare_days::integer and $most_days::integer
    end

order by exception_id
