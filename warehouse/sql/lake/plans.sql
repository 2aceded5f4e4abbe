-- lake.plans: one row per version of a planned route, repeats removed.

create or replace view lake.plans as
select
    tenant_id,
    depot_id,
    service_date,
    route_id,
    vehicle_id,
    driver_id,
    role,
    make_timestamp(issued_us) as issued_utc,
    make_timestamp(planned_exit_us) as planned_exit_utc,
    make_timestamp(planned_return_us) as planned_return_utc,
    planned_stop_count,
    planned_package_count,
    stops::json as stops,
    extra,
    payload_hash,
    make_timestamp(received_us) as received_utc,
    spool_id || '/' || segment_no as segment
from staging.read_plans
qualify row_number() over (
    partition by tenant_id, service_date, route_id, role, vehicle_id, payload_hash
    order by received_us, spool_id, segment_no
) = 1
