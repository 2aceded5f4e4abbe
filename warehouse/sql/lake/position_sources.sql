-- lake.position_sources: where each position came from, repeats included: the message it was in, and its place there.

create or replace view lake.position_sources as
select
    tenant_id,
    vehicle_id,
    service_date,
    at_utc as fix_utc,
    device_id,
    boot,
    seq,
    copy_rank = 1 as is_accepted,
    make_timestamp(received_us) as received_utc,
    spool_id || '/' || segment_no as segment,
    spool_id,
    segment_no,
    payload_hash,
    point_index,
    {place_precision_m} as place_precision_m
from ({ranked}) as ranked
left join core.place_guards as guards using (tenant_id, vehicle_id, service_date)
