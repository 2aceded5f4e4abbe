-- A date that is over has at least half as many positions as the same weekday had in the four weeks before, in the
-- median of at least two. (Half: set 2026-11-21, to be moved with experience; it is about one van in two silent.)
-- severity: warn

with

counted as (

    select tenant_id, service_date, sum(accepted_count) as position_count, min(timezone) as timezone
    from core.vehicle_dates
    where service_date in ($day, $day - 7, $day - 14, $day - 21, $day - 28)
    group by all

),

usual as (

    select tenant_id, median(position_count) as usual_position_count
    from counted
    where service_date < $day
    group by all
    having count(*) >= 2

)

select tenant_id, service_date, position_count, usual_position_count
from counted
join usual using (tenant_id)
where service_date = $day
    and position_count < 0.5 * usual_position_count
    and now()::timestamp >= core.ends_utc(service_date, timezone)
