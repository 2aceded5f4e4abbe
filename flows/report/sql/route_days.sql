-- The routes of the day, with the driver's name (shown as initials only) and the wage at the depot.

select
    routes.route_id,
    routes.vehicle_id,
    routes.driver_id,
    drivers.name as driver_name,
    routes.role,
    routes.planned_exit_utc,
    routes.planned_return_utc,
    routes.depot_exit_utc,
    routes.depot_return_utc,
    routes.route_time_s,
    routes.planned_route_time_s,
    routes.route_utilization,
    routes.productive_share,
    routes.idle_s,
    routes.idle_share,
    routes.off_s,
    routes.parked_s,
    routes.coverage,
    coalesce(routes.coverage, 1) >= $min_coverage as is_heard,
    routes.distance_m,
    routes.stem_share,
    routes.stop_count,
    routes.planned_stop_count,
    routes.completed_stop_count,
    routes.mean_dwell_s,
    routes.stops_per_hour,
    list_contains(routes.quality_flags, 'sampling_too_coarse') as is_coarse,
    routes.on_time_start,
    routes.fuel_used_l,
    coalesce(routes.fuel_distance_m, routes.distance_m) as fuel_distance_m,
    routes.cost::double as cost,
    routes.currency,
    depots.wage_per_h::double as wage_per_h

from marts.route_days as routes
left join (

    select driver_id, any_value(name) as name
    from core.drivers_on($service_date::date)
    where tenant_id = $tenant_id
    group by driver_id

) as drivers using (driver_id)
left join (

    select depot_id, any_value(wage_per_h) as wage_per_h
    from core.depots_on($service_date::date)
    where tenant_id = $tenant_id
    group by depot_id

) as depots using (depot_id)

where routes.tenant_id = $tenant_id and routes.service_date = $service_date::date

order by routes.route_id, routes.role, routes.vehicle_id
