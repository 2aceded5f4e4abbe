-- Vans that were available in the week and not heard on a single date of it, with the date they were last heard.

with

silent as (

    select
        vehicle_id,
        count(*) as day_count

    from marts.status_days
    where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    group by vehicle_id
    having bool_and(fleet_status = 'non_communicating') and bool_or(is_available)

)

select
    silent.vehicle_id,
    max(days.service_date) as last_date

from silent
left join marts.vehicle_days as days
    on days.tenant_id = $tenant_id
    and days.vehicle_id = silent.vehicle_id
    and days.service_date < $first::date

group by silent.vehicle_id
order by silent.vehicle_id
