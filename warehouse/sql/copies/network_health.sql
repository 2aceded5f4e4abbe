-- marts.data_health_days of the network copy: one row per tenant and service date.

select
    tenant_id,
    service_date,
    count(*) as vehicle_count,
    sum(received_count)::bigint as received_count,
    sum(accepted_count)::bigint as accepted_count,
    sum(duplicate_count)::bigint as duplicate_count,
    sum(conflict_count)::bigint as conflict_count,
    sum(rejected_count)::bigint as rejected_count,
    sum(low_quality_count)::bigint as low_quality_count,
    sum(jump_count)::bigint as jump_count,
    count(*) filter (where is_registered) as registered_vehicle_count
from everyone.marts.data_health
group by all
order by all
