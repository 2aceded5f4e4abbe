-- The planned routes of the wanted vehicle-dates, in the order they leave.

select
    routes.tenant_id,
    routes.service_date,
    routes.vehicle_id,
    routes.route_id,
    routes.role,
    routes.planned_exit_utc,
    routes.planned_return_utc
from core.planned_routes as routes
semi join wanted using (tenant_id, service_date, vehicle_id)
order by tenant_id, service_date, vehicle_id, planned_exit_utc nulls last, route_id, role
