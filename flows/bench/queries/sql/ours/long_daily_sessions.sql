select vehicle_id
from marts.long_daily_sessions($from_utc, $from_utc + interval 24 hours)
where tenant_id = $tenant
