with

buckets as (

    select
        tenant_id,
        vehicle_id,
        time_bucket(interval 10 minutes, at_utc) as ten_minutes,
        count(status = 0) // count(*) >= 0.5 as is_broken
    from points
    group by all

),

followed as (

    select
        *,
        lead(is_broken) over (partition by tenant_id, vehicle_id order by ten_minutes) as is_broken_next
    from buckets

)

select tenant_id, count(*)
from followed
where not is_broken and is_broken_next
group by tenant_id
