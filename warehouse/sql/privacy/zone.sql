-- The zone in which the dates of vehicle $vehicle of tenant $tenant are taken: as measured last, else that of its depot,
-- else $timezone.

select coalesce(
    (
        select max_by(timezone, service_date)
        from core.vehicle_dates
        where tenant_id = $tenant and vehicle_id = $vehicle
    ),
    (
        select max_by(depots.timezone, spans.to_utc)
        from staging.depot_spans as spans
        join core.depots as depots using (tenant_id, depot_id)
        where tenant_id = $tenant and vehicle_id = $vehicle
    ),
    $timezone
) as timezone
