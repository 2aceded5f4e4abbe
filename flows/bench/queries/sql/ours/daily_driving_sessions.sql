select vehicle_id, service_date, mean_session_s / 60 as minutes
from marts.daily_driving_sessions($first_day, $last_day)
