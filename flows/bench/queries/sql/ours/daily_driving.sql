select tenant_id, vehicle_id, drive_s_per_driving_day / 3600 as hours
from marts.daily_driving($first_day, $last_day)
