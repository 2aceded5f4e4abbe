-- Every lake row that a chunk of stale lines may need; more than it needs, never less.

create or replace temp table fuel_positions as
select *, make_timestamp(fix_ms * 1000) as at_utc
from staging.read_positions
where fix_date between $first and $last
    and fix_ms between epoch_ms($from_utc::timestamp) and epoch_ms($until_utc::timestamp)
    and (
        (tenant_id, device_id) in (from fuel_devices)
        or (
            tenant_id, fix_ms // 3600000, floor(latitude_e7 / 2e5)::integer, floor(longitude_e7 / 5e5)::integer
        ) in (from fuel_tiles)
    )
