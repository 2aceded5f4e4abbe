-- The current version of every planned route that new plan messages speak of: the greatest issued_utc wins, then the
-- payload hash. A rescue is a route of its own van.

select * exclude (payload_hash)
from (
    select
        tenant_id,
        depot_id,
        service_date,
        route_id,
        vehicle_id,
        driver_id,
        role,
        make_timestamp(issued_us) as issued_utc,
        make_timestamp(planned_exit_us) as planned_exit_utc,
        make_timestamp(planned_return_us) as planned_return_utc,
        planned_stop_count,
        planned_package_count,
        stops::json as stops,
        payload_hash
    from staging.read_plans
    semi join new_plans using (tenant_id, service_date, route_id)
)
qualify row_number() over (
    partition by tenant_id, service_date, route_id, role, case when role = 'rescue' then vehicle_id end
    order by issued_utc desc nulls last, payload_hash desc, depot_id, vehicle_id, stops::varchar desc
) = 1
