-- marts.device_status: one row per device that was heard or is registered. Offline is not parked: trackers sleep when the
-- engine is off, and a van that fell silent while it ran needs a look. A view: a fleet that falls silent brings no news
-- that would publish a table anew.

with

registered as (

    select tenant_id, device_id, vehicle_id
    from staging.device_spans
    where make_timestamp(epoch_us(now())) >= from_utc and make_timestamp(epoch_us(now())) < to_utc

),

known as (

    select
        coalesce(devices.tenant_id, registered.tenant_id) as tenant_id,
        coalesce(devices.device_id, registered.device_id) as device_id,
        coalesce(
            registered.vehicle_id,
            case when taken.vehicle_id is not null then 'device:' || devices.device_id else devices.device_id end
        ) as current_vehicle_id,
        registered.vehicle_id is not null as is_assigned,
        devices.* exclude (tenant_id, device_id),
        epoch(make_timestamp(epoch_us(now())) - devices.last_seen_utc) as silent_s
    from core.devices as devices
    full join registered using (tenant_id, device_id)
    left join staging.taken_names as taken
        on devices.tenant_id = taken.tenant_id and devices.device_id = taken.vehicle_id

),

counted as (

    select tenant_id, device_id, sum(position_count)::bigint as position_count, sum(backlog_count)::bigint as backlog_count
    from core.device_dates
    group by all

),

guards as (

    -- The newest place of the newest date is taken for a home there: here it is where the van is.
    select
        tenant_id,
        vehicle_id,
        flatten(list(homes order by service_date) filter (service_date < newest_date)) as homes,
        arg_max({'from_utc': shown_from_utc, 'to_utc': shown_to_utc}, service_date) as hours
    from (select *, max(service_date) over (partition by tenant_id, vehicle_id) as newest_date from core.place_guards)
    group by all

),

-- A place that is known is shown as it is at a depot, and while the van is at work: heard within two hours with the
-- engine not off, not past its hours, and not near a place where it stood overnight before. Past its hours it is not
-- shown, else as a cell of 1 km.
placed as (

    select
        known.tenant_id,
        known.device_id,
        case
            when known.fix.latitude is null then null
            when exists (
                from core.depots as depots
                where depots.tenant_id = known.tenant_id
                    and {depot_m} <= coalesce(depots.radius_m, 150)
            ) then 0
            when known.fix.fix_utc < guards.hours.from_utc or known.fix.fix_utc >= guards.hours.to_utc then -1
            when known.fix.ignition is not distinct from false
                or {is_near}
                or epoch(make_timestamp(epoch_us(now())) - known.fix.fix_utc) > 7200
            then 1000
            else 0
        end as place_precision_m
    from known
    left join guards on guards.tenant_id = known.tenant_id and guards.vehicle_id = known.current_vehicle_id

)

select
    tenant_id,
    device_id,
    current_vehicle_id as vehicle_id,
    is_assigned
    or (tenant_id, current_vehicle_id) in (select (tenant_id, vehicle_id) from core.vehicles) as is_registered,
    case
        when last_seen_utc is null then 'never_heard'
        when silent_s <= core.reporting_s() then 'reporting'
        when fix.ignition = false then 'parked'
        when silent_s <= core.non_communicating_s() then 'silent'
        else 'non_communicating'
    end as state,
    -- A position that came after a last will says that the device is there again.
    case
        when status.connection = 'offline' and last_seen_utc > make_timestamp(status.rank.received_us) then 'online'
        else status.connection
    end as connection,
    status.since_utc as connection_since_utc,
    first_seen_utc,
    last_seen_utc,
    silent_s,
    fix.fix_utc as last_fix_utc,
    case place_precision_m when 0 then fix.latitude when 1000 then {cell_latitude} end as latitude,
    case place_precision_m when 0 then fix.longitude when 1000 then {cell_longitude} end as longitude,
    place_precision_m,
    epoch(fix.received_utc - fix.fix_utc) as lag_s,
    fix.ignition as ignition,
    fix.battery_v as battery_v,
    fix.charge_pct as charge_pct,
    fix.source_format as source_format,
    firmware.version as firmware,
    greatest(status.boot, fix.boot) as boot,
    coalesce(position_count, 0) as position_count,
    coalesce(backlog_count, 0) as backlog_count,
    make_timestamp(epoch_us(now())) as as_of_utc

from known
left join counted using (tenant_id, device_id)
left join placed using (tenant_id, device_id)
