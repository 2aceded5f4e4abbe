-- One row per tenant, service date, route and vehicle.
-- severity: error

select tenant_id, service_date, route_id, vehicle_id, count(*) as row_count
from marts.route_days
where service_date = $day
group by all
having count(*) > 1
