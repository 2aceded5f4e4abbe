-- One row per tenant, service date and vehicle.
-- severity: error

select tenant_id, service_date, vehicle_id, count(*) as row_count
from marts.vehicle_days
where service_date = $day
group by all
having count(*) > 1
