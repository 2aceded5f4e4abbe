-- What is said of a van on a date stands beside a row of that van in marts.vehicle_days: routes that were heard, stops,
-- idle events and counts of messages that were usable.
-- severity: error

select tenant_id, service_date, vehicle_id, found_in
from (
    select tenant_id, service_date, vehicle_id, 'route_days' as found_in
    from marts.route_days
    where service_date = $day and not list_contains(quality_flags, 'not_heard')
    union all
    select tenant_id, service_date, vehicle_id, 'stops' from marts.stops where service_date = $day
    union all
    select tenant_id, service_date, vehicle_id, 'idle_events' from marts.idle_events where service_date = $day
    union all
    select tenant_id, service_date, vehicle_id, 'data_health'
    from marts.data_health
    where service_date = $day and accepted_count > 0
)
anti join marts.vehicle_days using (tenant_id, service_date, vehicle_id)
