-- The vans of $tenants whose vehicle-dates are re-opened for service date $day, dealt to portions of $vans in order.

create or replace temp table reopened_portions as

select
    tenant_id,
    vehicle_id,
    (row_number() over (order by tenant_id, vehicle_id) - 1) // $vans as portion

from staging.reopened_vans
where service_date = $day and list_contains($tenants, tenant_id)
