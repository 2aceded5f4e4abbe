-- Takes driver $driver of tenant $tenant out of plans, routes, hours and assignments, from $from to $to.

update core.planned_routes set driver_id = null
where tenant_id = $tenant and driver_id = $driver and service_date between $from and $to;

update marts.route_days set driver_id = null
where tenant_id = $tenant and driver_id = $driver and service_date between $from and $to;

delete from core.timeclock
where tenant_id = $tenant and driver_id = $driver and service_date between $from and $to;

-- What of an assignment lies outside the period stays.
insert into core.assignments by name
select * replace ($to + interval 1 day as from_utc)
from core.assignments
where tenant_id = $tenant and kind = 'driver' and id = $driver
    and from_utc <= $to + interval 1 day and to_utc > $to + interval 1 day
    and $to < date '9999-12-31';

update core.assignments set to_utc = $from::timestamp
where tenant_id = $tenant and kind = 'driver' and id = $driver
    and from_utc < $from::timestamp and to_utc > $from::timestamp;

delete from core.assignments
where tenant_id = $tenant and kind = 'driver' and id = $driver
    and from_utc >= $from::timestamp and from_utc <= $to + interval 1 day - interval 1 microsecond;
