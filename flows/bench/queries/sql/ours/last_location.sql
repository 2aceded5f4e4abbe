select latitude, longitude
from marts.last_locations
where tenant_id = $tenant and vehicle_id = $vehicle
