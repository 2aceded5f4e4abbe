-- Idle events are part of idle time, and what they add up to is the excess idle of the day.
-- severity: error

select
    days.tenant_id,
    days.service_date,
    days.vehicle_id,
    days.excess_idle_s,
    days.idle_s,
    sum(events.duration_s) as event_s
from marts.vehicle_days as days
left join marts.idle_events as events using (tenant_id, service_date, vehicle_id)
where days.service_date = $day
group by all
having abs(coalesce(event_s, 0) - days.excess_idle_s) > 1e-3 or days.excess_idle_s > days.idle_s + 1e-3
