select latitude, longitude
from points
where tenant_id = $tenant and vehicle_id = $vehicle
order by at_utc desc
limit 1
