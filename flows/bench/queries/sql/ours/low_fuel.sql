select vehicle_id
from marts.low_fuel()
where tenant_id = $tenant
