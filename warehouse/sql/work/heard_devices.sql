-- What new rows of the lake say of each device, joined with what was known of it: when it was heard, its newest live
-- fix and its newest state of connection. A point of a backlog is never the newest fix, however late it was sent. A last
-- will was written when the device connected, so states go by boot first, then by when the broker sent them.
-- What a broker had kept says when the device was heard only by a time of its own, not by when it came to us.

create or replace temp table heard_devices as

with

happened as (

    select
        *,
        case
            when not coalesce(retained, false) then received_us
            when event_us != received_us then least(event_us, received_us)
        end as heard_us
    from unseen_events

),

spans as (

    select
        tenant_id,
        device_id,
        make_timestamp(min(first_received_us)) as first_seen_utc,
        make_timestamp(max(last_received_us)) as last_seen_utc
    from new_quarters
    group by all

),

newest as (

    select
        tenant_id,
        device_id,
        arg_max(
            {
                'fix_utc': make_timestamp(fix_ms * 1000),
                'received_utc': make_timestamp(received_us),
                'latitude': latitude_e7 / 1e7,
                'longitude': longitude_e7 / 1e7,
                'ignition': ignition,
                'battery_v': battery_mv / 1000.0::double,
                'charge_pct': charge_cpct / 100.0::double,
                'boot': boot,
                'source_format': source_format,
                'rank': {'fix_ms': fix_ms, 'boot': coalesce(boot, -1), 'seq': coalesce(seq, -1), 'hash': payload_hash}
            },
            {'fix_ms': fix_ms, 'boot': coalesce(boot, -1), 'seq': coalesce(seq, -1), 'hash': payload_hash}
        ) as fix
    from newest_positions
    group by all

),

signs as (

    select * from core.devices
    union all by name
    select spans.*, fix, null as status, null as firmware
    from spans
    left join newest using (tenant_id, device_id)
    union all by name
    select
        tenant_id,
        device_id,
        make_timestamp(min(coalesce(heard_us, received_us))) as first_seen_utc,
        make_timestamp(max(heard_us) filter (type != 'offline')) as last_seen_utc,
        null as fix,
        arg_max(
            {
                'connection': type,
                'since_utc': make_timestamp(heard_us),
                'boot': boot,
                'rank': {'boot': coalesce(boot, -1), 'received_us': received_us, 'hash': payload_hash}
            },
            {'boot': coalesce(boot, -1), 'received_us': received_us, 'hash': payload_hash}
        ) filter (type in ('online', 'offline')) as status,
        arg_max(
            {'version': extra ->> 'fw', 'rank': {'boot': coalesce(boot, -1), 'received_us': received_us}},
            {'boot': coalesce(boot, -1), 'received_us': received_us}
        ) filter (extra ->> 'fw' is not null) as firmware
    from happened
    group by all

)

select
    tenant_id,
    device_id,
    min(first_seen_utc) as first_seen_utc,
    max(last_seen_utc) as last_seen_utc,
    arg_max(fix, fix.rank) as fix,
    arg_max(status, status.rank) as status,
    arg_max(firmware, firmware.rank) as firmware

from signs
where (tenant_id, device_id) in (
    select (tenant_id, device_id) from new_quarters union select (tenant_id, device_id) from unseen_events
)
group by all
