-- Per time: every point holds until the next one, a longer silence than five minutes is nobody's.

select tenant_id, vehicle_id, sum(held_s)::bigint as drive_s
from (
    select
        *,
        epoch(lead(at_utc) over (partition by tenant_id, vehicle_id, (at_utc - interval 9 hours)::date order by at_utc) - at_utc) as held_s
    from points
)
where held_s <= 300 and speed_kmh > 1
group by all
order by all
