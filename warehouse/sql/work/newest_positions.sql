-- The new positions of each device that are of its newest live fix; a point of a backlog never is.

create or replace temp table newest_positions as

select
    tenant_id,
    device_id,
    fix_ms,
    received_us,
    latitude_e7,
    longitude_e7,
    ignition,
    battery_mv,
    charge_cpct,
    boot,
    seq,
    source_format,
    payload_hash

from unseen_positions
join (
    select tenant_id, device_id, max(newest_live_ms) as newest_ms
    from new_quarters
    group by all
) using (tenant_id, device_id)
where fix_ms = newest_ms and not coalesce(backlog, false)
