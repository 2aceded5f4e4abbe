-- A stop lies between the first and the last fix of its van, and its engine is on for no longer than it lasts.
-- severity: error

select stops.tenant_id, stops.service_date, stops.vehicle_id, stops.arrived_utc, stops.departed_utc, stops.engine_on_s
from marts.stops as stops
join marts.vehicle_days as days using (tenant_id, service_date, vehicle_id)
where stops.service_date = $day
    and (
        stops.arrived_utc < days.first_fix_utc
        or stops.departed_utc > days.last_fix_utc
        or stops.departed_utc < stops.arrived_utc
        or abs(epoch(stops.departed_utc - stops.arrived_utc) - stops.duration_s) > 1e-3
        or stops.engine_on_s > stops.duration_s + 1e-3
    )
