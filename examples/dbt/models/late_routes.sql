-- Routes that came back after their plan said, and by how much.
select
    tenant_id,
    service_date,
    route_id,
    vehicle_id,
    epoch(depot_return_utc - planned_return_utc) / 60 as late_min,
    route_utilization
from {{ source('marts', 'route_days') }}
where depot_return_utc > planned_return_utc
