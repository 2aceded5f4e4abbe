with

driven as (

    select tenant_id, vehicle_id, time_bucket(interval 10 minutes, at_utc) as ten_minutes
    from points
    group by all
    having avg(speed_kmh) > 1

),

days as (

    select tenant_id, vehicle_id, time_bucket(interval 24 hours, ten_minutes) as day, count(*) // 6 as hours
    from driven
    group by all

)

select tenant_id, vehicle_id, avg(hours)
from days
group by all
