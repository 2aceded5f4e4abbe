-- One row per service date from $first to $last and tenant ($tenant, or null: each): how many vans there are to measure,
-- and whether a load for the reason $reason is newer than $began_utc (null: nothing is done).

with

known as (

    select tenant_id, vehicle_id, service_date from ({resolved})
    union
    select tenant_id, vehicle_id, service_date from core.vehicle_dates

),

measurable as (

    select * from known
    anti join core.frozen_dates using (tenant_id, vehicle_id, service_date)
    where service_date between $first and $last and coalesce(tenant_id = $tenant, true)

)

select
    service_date,
    tenant_id,
    count(*) as vehicle_count,
    exists (
        from core.loads as loads
        where loads.tenant_id = measurable.tenant_id
            and loads.service_date = measurable.service_date
            and list_contains(loads.reasons, $reason)
            and loads.rebuilt_utc >= $began_utc
    ) as is_done

from measurable
group by service_date, tenant_id
order by service_date, tenant_id
