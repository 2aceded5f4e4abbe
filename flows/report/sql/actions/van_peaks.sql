-- How many vans of each depot were out at one moment on each date, and how many could have been.
--
-- A van that drove is out from its first exit to its last return, else from its first fix to its last; one that was
-- planned and not heard as planned. After that it is loaded anew before it can stand in for another one.

with

days as (

    select status.service_date, status.vehicle_id, status.depot_id, status.is_available, status.fleet_status,
        status.is_dispatched or status.fleet_status = 'active' as is_out
    from marts.status_days as status
    where tenant_id = $tenant_id and service_date between $first::date and $last::date

),

outings as (

    select
        days.service_date,
        days.vehicle_id,
        days.depot_id,
        case when is_out then coalesce(min(depot_exit_utc), any_value(first_fix_utc)) else min(planned_exit_utc) end
            as from_utc,
        case when is_out then coalesce(max(depot_return_utc), any_value(last_fix_utc)) else max(planned_return_utc) end
            + to_seconds($loading_s::bigint) as to_utc
    from days
    left join (
        select * from marts.vehicle_days where tenant_id = $tenant_id and service_date between $first::date and $last::date
    ) as heard using (service_date, vehicle_id)
    left join (
        select * from marts.route_days where tenant_id = $tenant_id and service_date between $first::date and $last::date
    ) as routes using (service_date, vehicle_id)
    where is_out or (fleet_status = 'non_communicating' and planned_exit_utc is not null)
    group by days.service_date, days.vehicle_id, days.depot_id, is_out

),

steps as (

    select service_date, depot_id, from_utc as at_utc, 1 as step from outings where from_utc is not null
    union all
    select service_date, depot_id, to_utc, -1 from outings where from_utc is not null and to_utc is not null

),

peaks as (

    select service_date, depot_id, max(vehicles_out) as peak
    from (
        select
            service_date,
            depot_id,
            sum(step) over (partition by service_date, depot_id order by at_utc, step rows unbounded preceding)
                as vehicles_out
        from steps
    )
    group by all

),

-- A van that was never heard in all that time is not known to be spare.
heard as (

    select distinct vehicle_id from days where fleet_status != 'non_communicating'

),

available as (

    select
        service_date,
        depot_id,
        count(*) filter (heard.vehicle_id is not null) as available_count,
        count(*) filter (heard.vehicle_id is null) as unheard_count
    from days
    left join heard using (vehicle_id)
    where is_available
    group by all

)

select
    peaks.depot_id,
    peaks.service_date,
    peak::bigint as peak,
    coalesce(available_count, 0) as available_count,
    coalesce(unheard_count, 0) as unheard_count

from peaks
left join available
    on available.service_date = peaks.service_date
    and available.depot_id is not distinct from peaks.depot_id
order by peaks.depot_id, peaks.service_date
