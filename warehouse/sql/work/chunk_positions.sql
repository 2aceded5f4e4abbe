-- Every lake row that may belong to the vehicle-dates in `wanted`: those of the devices that carry or carried their
-- vans, on the UTC dates around their service date and no earlier or later than `work/chunk_times.sql` says. What is left
-- of a thinned date is not among them: nothing is measured from it.

create or replace temp table chunk_positions as
select *, make_timestamp(fix_ms * 1000) as at_utc
from staging.read_positions
where flags is distinct from 'thinned'
    and fix_date between $first - 2 and $last + 3
    and fix_date between $from_utc::date and $until_utc::date
    and fix_ms between epoch_ms($from_utc::timestamp) and epoch_ms($until_utc::timestamp)
    and (tenant_id, device_id) in (
        select tenant_id, vehicle_id from wanted
        union
        select tenant_id, substr(vehicle_id, 8) from wanted where vehicle_id like 'device:%'
        union
        select tenant_id, device_id from staging.device_spans semi join wanted using (tenant_id, vehicle_id)
    )
