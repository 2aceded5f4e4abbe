-- No van's positions come before they were: in the median they are received at most 30 s earlier than their own time
-- says. (30 s: set 2026-11-21; a tracker whose clock is further ahead is to be looked at.)
-- severity: warn

select tenant_id, service_date, vehicle_id, median_delay_s
from marts.data_health
where service_date = $day and median_delay_s < -30
