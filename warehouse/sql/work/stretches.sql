-- From when to when the fixes of a device belong to one of the vehicle-dates in `wanted`, with what `staging/resolved.sql`
-- says of them: it says the same of every instant between two of `instants`, so it is asked at those only.

select
    tenant_id,
    device_id,
    vehicle_id,
    service_date,
    -- The first whole millisecond at or after an instant; none is before 1970.
    (epoch_us(at_utc) + 999) // 1000 as from_ms,
    (epoch_us(until_utc) + 999) // 1000 as until_ms,
    is_assigned,
    depot_id,
    timezone
from ({resolved}) as found
semi join wanted using (tenant_id, vehicle_id, service_date)
where from_ms < until_ms
order by tenant_id, device_id, from_ms
