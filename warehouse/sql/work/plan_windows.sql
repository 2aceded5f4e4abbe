-- From when to when the fixes of the vans in `replanned` take the service date of their plan: from four hours before
-- the planned exit to six hours after the planned return. Where two windows of a van would overlap they meet half way
-- between the return and the next exit. `latest_utc` is how far a late return to the depot may move the end: a day
-- after the planned return, but not into the next window.

with

days as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        min(planned_exit_utc) as exit_utc,
        greatest(max(planned_return_utc), max(planned_exit_utc)) as return_utc
    from core.planned_routes
    semi join replanned using (tenant_id, vehicle_id)
    where planned_exit_utc is not null
    group by all

),

neighbours as (

    select
        *,
        exit_utc - interval 4 hour as from_utc,
        return_utc + interval 6 hour as to_utc,
        max(return_utc) over (van rows between unbounded preceding and 1 preceding) as return_before_utc,
        max(return_utc) over (van rows between unbounded preceding and current row) as return_so_far_utc,
        lead(exit_utc) over van as exit_after_utc
    from days
    window van as (partition by tenant_id, vehicle_id order by exit_utc, service_date)

),

clipped as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        case
            when return_before_utc + interval 6 hour > from_utc
            then return_before_utc + (exit_utc - return_before_utc) / 2
            else from_utc
        end as from_utc,
        return_utc,
        exit_after_utc,
        case
            when exit_after_utc - interval 4 hour < return_so_far_utc + interval 6 hour
            then least(to_utc, return_so_far_utc + (exit_after_utc - return_so_far_utc) / 2)
            else to_utc
        end as to_utc
    from neighbours

)

select
    tenant_id,
    vehicle_id,
    service_date,
    from_utc,
    to_utc,
    to_utc as planned_to_utc,
    greatest(to_utc, least(return_utc + interval 24 hour, exit_after_utc - interval 4 hour)) as latest_utc

from clipped
where from_utc < to_utc
