select tenant_id, day, sum(ten_minutes_a_day) // 144 as days
from (
    select
        tenant_id,
        vehicle_id,
        time_bucket(interval 24 hours, at_utc) as day,
        time_bucket(interval 10 minutes, at_utc) as ten_minutes,
        count(*) as ten_minutes_a_day
    from points
    group by all
    having avg(status) < 1
)
group by all
