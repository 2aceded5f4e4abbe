-- Rows of {source} (tenant_id, device_id, at_utc, ...) with the van that carried the device, the depot the van
-- belonged to, its zone (else the tenant's, else that of the settings), and the service date.
--
-- The van is the one the device was assigned to; a device nobody assigned is a van of its own name, or
-- device:<name> where a van of that name exists or another device is assigned to it.
-- The service date is the plan's inside the plan's window, else the local date of (instant - 4 h).

select
    source.*,
    vehicles.vehicle_id,
    vehicles.is_assigned,
    places.depot_id,
    places.timezone,
    case
        when plans.to_utc > source.at_utc then plans.service_date
        else cast(
            ((source.at_utc - interval 4 hour) at time zone 'UTC')
            at time zone places.timezone as date
        )
    end as service_date

from {source} as source

asof left join staging.device_spans as devices
    on source.tenant_id = devices.tenant_id
    and source.device_id = devices.device_id
    and source.at_utc >= devices.from_utc

left join staging.taken_names as taken
    on source.tenant_id = taken.tenant_id
    and source.device_id = taken.vehicle_id

cross join lateral (
    select
        coalesce(devices.to_utc > source.at_utc, false) as is_assigned,
        case
            when devices.to_utc > source.at_utc then devices.vehicle_id
            when taken.vehicle_id is not null then 'device:' || source.device_id
            else source.device_id
        end as vehicle_id
) as vehicles

asof left join staging.depot_spans as spans
    on source.tenant_id = spans.tenant_id
    and vehicles.vehicle_id = spans.vehicle_id
    and source.at_utc >= spans.from_utc

left join staging.tenant_spans as tenants
    on source.tenant_id = tenants.tenant_id
    and source.at_utc >= tenants.from_utc
    and source.at_utc < tenants.to_utc

cross join lateral (
    select
        case when spans.to_utc > source.at_utc then spans.depot_id end as depot_id,
        coalesce(
            case when spans.to_utc > source.at_utc then spans.timezone end, tenants.timezone, '{timezone}'
        ) as timezone
) as places

asof left join core.plan_windows as plans
    on source.tenant_id = plans.tenant_id
    and vehicles.vehicle_id = plans.vehicle_id
    and source.at_utc >= plans.from_utc
