-- About how many positions the vehicle-dates in `wanted` have: those of the devices that carry or carried their vans, on
-- the UTC dates of service date $day and the one after it. A device that changed vans counts for each.

with

senders as (

    select tenant_id, vehicle_id, vehicle_id as device_id from wanted
    union
    select tenant_id, vehicle_id, substr(vehicle_id, 8) from wanted where vehicle_id like 'device:%'
    union
    select tenant_id, vehicle_id, device_id from staging.device_spans semi join wanted using (tenant_id, vehicle_id)

)

select tenant_id, vehicle_id, sum(position_count)::bigint as position_count
from senders
join core.device_dates using (tenant_id, device_id)
where fix_date between $day and $day + 1
group by all
