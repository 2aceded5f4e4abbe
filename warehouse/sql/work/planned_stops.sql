-- The planned stops of the wanted vehicle-dates.

select
    routes.tenant_id,
    routes.service_date,
    routes.vehicle_id,
    routes.route_id,
    routes.role,
    (stop ->> 'seq')::int as planned_seq,
    (stop ->> 'lat')::double as latitude,
    (stop ->> 'lon')::double as longitude
from (
    select *, unnest(from_json(stops, '["json"]')) as stop
    from core.planned_routes
    semi join wanted using (tenant_id, service_date, vehicle_id)
) as routes
order by tenant_id, service_date, vehicle_id, route_id, role, planned_seq, latitude, longitude
