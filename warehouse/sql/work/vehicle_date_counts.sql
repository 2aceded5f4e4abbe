-- What arrived for each wanted vehicle-date: counts of rows, and how late they were.

select
    tenant_id,
    service_date,
    vehicle_id,
    any_value(depot_id) as depot_id,
    min(timezone) as timezone,
    bool_and(is_assigned or vehicle_id in (
        select registered.vehicle_id from core.vehicles as registered
        where registered.tenant_id = ranked_positions.tenant_id
    )) as is_registered,
    count(*) as received_count,
    count(*) filter (copy_rank = 1) as accepted_count,
    count(*) filter (copy_rank > 1 and not is_conflict) as duplicate_count,
    count(*) filter (is_conflict) as conflict_count,
    count(*) filter (copy_rank = 1 and quality = 'low') as low_quality_count,
    median((received_us - fix_ms * 1000) / 1e6) filter (copy_rank = 1) as median_delay_s,
    quantile_cont((received_us - fix_ms * 1000) / 1e6, 0.95) filter (copy_rank = 1) as p95_delay_s,
    list_sort(list_distinct(flatten(list(str_split(flags, ',')) filter (copy_rank = 1 and flags != '')))) as flags
from ranked_positions
group by all
