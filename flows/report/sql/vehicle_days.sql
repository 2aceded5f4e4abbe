-- The vans heard that day, most idle first.

select
    vehicle_id,
    first_fix_utc,
    last_fix_utc,
    drive_s,
    idle_s,
    ready_s,
    off_s,
    parked_s,
    unknown_s,
    coverage,
    coalesce(coverage, 1) >= $min_coverage as is_heard,
    excess_idle_s,
    idle_cost::double as idle_cost,
    fuel_used_l is not null and fuel_used_source is not distinct from (
        select fuel_used_source
        from marts.fleet_days
        where tenant_id = $tenant_id and service_date = $service_date::date
    ) as is_metered,
    depot_id,
    idle_share,
    idle_event_count,
    idle_fuel_l,
    distance_m,
    distance_source,
    stop_count,
    fuel_used_l,
    coalesce(fuel_distance_m, distance_m) as fuel_distance_m,
    co2_kg,
    currency

from marts.vehicle_days
where tenant_id = $tenant_id and service_date = $service_date::date

order by idle_s desc, parked_s desc, vehicle_id
