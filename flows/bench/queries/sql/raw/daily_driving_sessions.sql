with

buckets as (

    select tenant_id, vehicle_id, time_bucket(interval 10 minutes, at_utc) as ten_minutes, avg(speed_kmh) > 5 as driving
    from points
    group by tenant_id, vehicle_id, ten_minutes

),

changes as (

    select
        tenant_id,
        vehicle_id,
        driving,
        ten_minutes as started,
        lead(ten_minutes) over (partition by tenant_id, vehicle_id order by ten_minutes) as stopped
    from (
        select *, lag(driving) over (partition by tenant_id, vehicle_id order by ten_minutes) as drove
        from buckets
    )
    where driving != drove

)

select vehicle_id, time_bucket(interval 24 hours, started) as day, avg(epoch(stopped - started)) / 60 as minutes
from changes
where driving
group by all
