-- lake.rejects: one row per message or point that did not become data. Its identity is (topic, payload hash,
-- point index); repeats raise seen_count. Payloads of fuel cards are never shown here.

create or replace view lake.rejects as
select
    any_value(tenant_id) as tenant_id,
    any_value(device_id) as device_id,
    make_timestamp(min(received_us)) as received_utc,
    topic,
    arg_min(kind, received_us) as kind,
    arg_min(reason, received_us) as reason,
    arg_min(rule_id, received_us) as rule_id,
    point_index,
    case when topic like 'fc/%' then null else any_value(payload) end as payload,
    any_value(payload_size) as payload_size,
    payload_hash,
    arg_min(spool_id || '/' || segment_no, received_us) as segment,
    count(*) as seen_count
from staging.read_rejects
group by topic, payload_hash, point_index
union all by name
-- Positions for frozen dates. Their message was fine, so neither its payload nor its topic is shown.
select
    tenant_id,
    device_id,
    min(received_utc) as received_utc,
    'quarantine' as kind,
    'date_frozen' as reason,
    point_index,
    payload_hash,
    arg_min(spool_id || '/' || segment_no, received_utc) as segment,
    count(*) as seen_count
from core.frozen_rejects
group by tenant_id, device_id, payload_hash, point_index
