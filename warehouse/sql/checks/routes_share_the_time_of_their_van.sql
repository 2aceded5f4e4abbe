-- The routes of a van share its day: together they have no more time in a state than it has.
-- severity: error

select
    tenant_id,
    service_date,
    vehicle_id,
    sum(routes.drive_s) as routes_drive_s,
    any_value(days.drive_s) as drive_s,
    sum(routes.idle_s) as routes_idle_s,
    any_value(days.idle_s) as idle_s,
    sum(routes.unknown_s) as routes_unknown_s,
    any_value(days.unknown_s) as unknown_s
from marts.route_days as routes
join marts.vehicle_days as days using (tenant_id, service_date, vehicle_id)
where routes.service_date = $day
group by all
having sum(routes.drive_s) > any_value(days.drive_s) + 1e-3
    or sum(routes.idle_s) > any_value(days.idle_s) + 1e-3
    or sum(routes.unknown_s) > any_value(days.unknown_s) + 1e-3
