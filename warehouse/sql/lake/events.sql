-- lake.events: one row per event, repeats removed.

create or replace view lake.events as
select
    tenant_id,
    vehicle_id,
    device_id,
    service_date,
    at_utc as event_utc,
    make_timestamp(received_us) as received_utc,
    type,
    value,
    unit,
    threshold,
    {shown_latitude} as latitude,
    {shown_longitude} as longitude,
    {place_precision_m} as place_precision_m,
    boot,
    seq,
    retained as is_retained,
    case when {tells_no_place} then extra end as extra,
    spool_id || '/' || segment_no as segment
from ({resolved}) as resolved
left join core.place_guards as guards using (tenant_id, vehicle_id, service_date)
qualify row_number() over (
    partition by tenant_id, device_id, payload_hash, type, event_us, seq, resolved.extra
    order by received_us, spool_id, segment_no
) = 1
