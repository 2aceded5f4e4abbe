-- The current version of every planned route that new plan messages speak of, by depot: the greatest issued_utc wins,
-- then the payload hash. A rescue is a route of its own van; a van that is planned for a route is no rescue on it as well.

with

versions as (

    select * exclude (extra, received_utc, segment)
    from lake.plans
    semi join new_plans using (tenant_id, service_date, route_id)

),

newest as (

    select *
    from versions
    qualify row_number() over (
        partition by tenant_id, depot_id, service_date, route_id, role, case when role = 'rescue' then vehicle_id end
        order by issued_utc desc nulls last, payload_hash desc, vehicle_id, stops::varchar desc
    ) = 1

)

select * exclude (payload_hash)
from newest
qualify row_number() over (
    partition by tenant_id, service_date, route_id, vehicle_id
    order by issued_utc desc nulls last, role, payload_hash desc, depot_id
) = 1
