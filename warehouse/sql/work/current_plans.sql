-- The current version of every planned route that new plan messages speak of: the greatest issued_utc wins, then the
-- payload hash. A rescue is a route of its own van.

select * exclude (extra, payload_hash, received_utc, segment)
from lake.plans
semi join new_plans using (tenant_id, service_date, route_id)
qualify row_number() over (
    partition by tenant_id, service_date, route_id, role, case when role = 'rescue' then vehicle_id end
    order by issued_utc desc nulls last, payload_hash desc, depot_id, vehicle_id, stops::varchar desc
) = 1
