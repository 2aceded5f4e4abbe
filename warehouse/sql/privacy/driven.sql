-- The vehicle-dates that driver $driver of tenant $tenant drove: as planned, as measured routes say, and as assignments
-- say where no plan names somebody else.

select vehicle_id, service_date
from core.planned_routes
where tenant_id = $tenant and driver_id = $driver

union

select vehicle_id, service_date
from marts.route_days
where tenant_id = $tenant and driver_id = $driver

union

select days.vehicle_id, days.service_date
from core.vehicle_dates as days
join core.assignments as assigned using (tenant_id, vehicle_id)
where tenant_id = $tenant
    and assigned.kind = 'driver'
    and assigned.id = $driver
    and days.first_fix_utc < assigned.to_utc
    and days.last_fix_utc >= assigned.from_utc
    and not exists (
        from core.planned_routes as planned
        where planned.tenant_id = days.tenant_id
            and planned.vehicle_id = days.vehicle_id
            and planned.service_date = days.service_date
            and planned.driver_id != $driver
    )

order by all
