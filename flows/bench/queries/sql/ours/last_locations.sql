select vehicle_id, latitude, longitude
from marts.last_locations
where tenant_id = $tenant
order by vehicle_id
