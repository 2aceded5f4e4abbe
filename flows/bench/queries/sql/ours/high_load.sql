select vehicle_id
from marts.high_load()
where tenant_id = $tenant
