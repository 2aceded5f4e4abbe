select tenant_id, service_date, active_s / 3600 as hours
from marts.daily_activity($first_day, $last_day)
