-- The excess idle of a route is part of its idle time, and that of its engine-on time.
-- severity: error

select tenant_id, service_date, route_id, vehicle_id, excess_idle_s, idle_s, engine_on_s
from marts.route_days
where service_date = $day and (excess_idle_s > idle_s + 1e-3 or idle_s > engine_on_s + 1e-3)
