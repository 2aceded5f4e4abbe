-- What stays of one partition of the lake's positions: of a date that is thinned the first good one of each
-- minute, with place, speed, ignition and odometer and nothing else; of one that has expired nothing.

with

found as (

    select rows.*, coalesce(fates.is_expired, false) as is_expired, coalesce(fates.is_to_thin, false) as is_to_thin
    from ({resolved}) as rows
    left join (from fates where fix_date = $partition and not is_held and not is_open) as fates
        using (tenant_id, vehicle_id, service_date)
    where (tenant_id, device_id, spool_id, segment_no, payload_hash, point_index) not in (
        select (tenant_id, device_id, spool_id, segment_no, payload_hash, point_index) from late
    )

),

thinned as (

    select {thinned_columns}
    from found
    where is_to_thin and flags is distinct from 'thinned' and quality = 'good' and latitude_e7 is not null
    qualify row_number() over (
        partition by tenant_id, device_id, fix_ms // 60000
        order by fix_ms, boot, seq, payload_hash, point_index, spool_id, segment_no
    ) = 1

)

select {columns}
from found
where not is_expired and (not is_to_thin or flags is not distinct from 'thinned')
union all by name
from thinned
order by tenant_id, device_id, fix_ms
