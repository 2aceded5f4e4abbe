select vehicle_id
from marts.stationary_vehicles($from_utc, $from_utc + interval 10 minutes)
where tenant_id = $tenant
