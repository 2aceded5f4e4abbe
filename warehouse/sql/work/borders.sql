-- Instants at which the van or the depot of the fixes of {senders}, rows of (tenant_id, device_id), may change, or the plan
-- that their service date is of. Their zone may as well; where only the local date changes is not told here.

with

devices as (

    from ({senders})

),

vans_of_devices as (

    select tenant_id, device_id, device_id as vehicle_id from devices
    union
    select tenant_id, device_id, 'device:' || device_id from devices
    union
    select tenant_id, device_id, vehicle_id
    from staging.device_spans
    semi join devices using (tenant_id, device_id)

)

select tenant_id, device_id, unnest([from_utc, to_utc]) as at_utc
from staging.device_spans
semi join devices using (tenant_id, device_id)
union
select tenant_id, device_id, unnest([from_utc, to_utc])
from vans_of_devices
join staging.depot_spans using (tenant_id, vehicle_id)
union
select tenant_id, device_id, unnest([from_utc, to_utc])
from vans_of_devices
join core.plan_windows using (tenant_id, vehicle_id)
union
select tenant_id, device_id, unnest([from_utc, to_utc])
from devices
join staging.tenant_spans using (tenant_id)
