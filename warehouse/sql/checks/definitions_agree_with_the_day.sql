-- What the project's own definitions count is what the day says: every_second its idle time, odograph its excess idle.
-- severity: error

select
    counted.tenant_id,
    counted.service_date,
    counted.vehicle_id,
    counted.definition_id,
    counted.idle_s,
    counted.event_count,
    days.idle_s as day_idle_s,
    days.excess_idle_s,
    days.idle_event_count
from marts.idle_by_definition as counted
join marts.vehicle_days as days using (tenant_id, service_date, vehicle_id)
where counted.service_date = $day
    and (
        counted.definition_id = 'every_second' and abs(counted.idle_s - days.idle_s) > 1e-3
        or counted.definition_id = 'odograph' and (
            abs(counted.idle_s - days.excess_idle_s) > 1e-3 or counted.event_count != days.idle_event_count
        )
    )
