select vehicle_id
from (
    select vehicle_id, time_bucket(interval 10 minutes, at_utc) as ten_minutes
    from points
    where tenant_id = $tenant and at_utc >= $from_utc and at_utc < $from_utc + interval 24 hours
    group by all
    having avg(speed_kmh) > 1
)
group by vehicle_id
having count(*) > 60
