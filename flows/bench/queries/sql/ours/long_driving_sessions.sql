select distinct vehicle_id
from marts.long_driving_sessions($from_utc, $from_utc + interval 4 hours)
where tenant_id = $tenant
