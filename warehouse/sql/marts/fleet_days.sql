-- marts.fleet_days: one row per tenant and service date. Ratios are sums over sums; both terms stand beside them.

with

books as (

    select
        tenant_id,
        count(*) filter (is_on_books) as vehicles_on_books,
        count(*) filter (is_on_books and not is_available) as vehicles_out_of_service,
        count(*) filter (is_dispatched) as vehicles_dispatched,
        count(*) filter (is_dispatched and is_available) as available_dispatched,
        count(*) filter (is_dispatched and is_on_books) as books_dispatched,
        case when vehicles_dispatched > 0 then count(*) filter (is_available or is_dispatched) else 0 end
            as available_days,
        count(*) filter (fleet_status = 'active') as vehicles_active,
        count(*) filter (fleet_status = 'stationary') as vehicles_stationary,
        count(*) filter (fleet_status = 'inactive') as vehicles_inactive,
        count(*) filter (fleet_status = 'non_communicating') as vehicles_non_communicating
    from marts.status_days
    where service_date = $day
    group by all

),

vans as (

    select
        tenant_id,
        count(*) as vehicles_heard,
        sum(engine_on_s order by vehicle_id) as engine_on_s,
        sum(drive_s order by vehicle_id) as drive_s,
        sum(idle_s order by vehicle_id) as idle_s,
        sum(engine_on_s order by vehicle_id) filter (not core.is_electric(fuel_type)) as idle_engine_on_s,
        sum(ready_s order by vehicle_id) as ready_s,
        sum(off_s order by vehicle_id) as off_s,
        sum(parked_s order by vehicle_id) as parked_s,
        sum(unknown_s order by vehicle_id) as unknown_s,
        sum(excess_idle_s order by vehicle_id) as excess_idle_s,
        sum(idle_event_count order by vehicle_id)::bigint as idle_event_count,
        sum(idle_fuel_l order by vehicle_id) as idle_fuel_l,
        sum(idle_cost order by vehicle_id) as idle_cost,
        sum(idle_co2_kg order by vehicle_id) as idle_co2_kg,
        sum(drive_s + idle_s + off_s + ready_s + parked_s order by vehicle_id) as known_s,
        sum(drive_s + idle_s + off_s + ready_s + parked_s + unknown_s order by vehicle_id) as observed_s,
        sum(window_known_s order by vehicle_id) as window_known_s,
        sum(window_observed_s order by vehicle_id) as window_observed_s,
        sum(unplanned_stop_count)::bigint as unplanned_stop_count,
        sum(unplanned_stop_s order by vehicle_id) as unplanned_stop_s,
        sum(after_hours_m order by vehicle_id) as after_hours_m,
        sum(energy_used_kwh order by vehicle_id) as energy_used_kwh,
        sum(distance_m order by vehicle_id) filter (energy_used_kwh is not null) as energy_distance_m,
        sum(case when core.is_electric(fuel_type) then distance_m else fuel_distance_m end order by vehicle_id)
            filter (co2_kg is not null) as co2_distance_m,
        max(co2_factor_set) as co2_factor_set,
        sum(distance_m order by vehicle_id) as distance_m,
        coalesce(sum(fuel_distance_m order by vehicle_id) filter (fuel_used_source = 'counter'), 0)
            as counter_distance_m,
        sum(fuel_used_l order by vehicle_id) filter (fuel_used_source = 'counter') as counter_fuel_l,
        coalesce(sum(fuel_distance_m order by vehicle_id) filter (fuel_used_source = 'level'), 0) as level_distance_m,
        sum(fuel_used_l order by vehicle_id) filter (fuel_used_source = 'level') as level_fuel_l,
        core.better_source(counter_distance_m, counter_fuel_l, level_distance_m, level_fuel_l) as better,
        sum(co2_kg order by vehicle_id) as co2_kg,
        sum(stop_count order by vehicle_id)::bigint as stop_count,
        max(currency) as currency
    from marts.vehicle_days
    where service_date = $day
    group by all

),

fuel as (

    select
        tenant_id,
        sum(fuel_used_l * price_per_l order by vehicle_id) as fuel_cost,
        sum(fuel_distance_m order by vehicle_id) filter (fuel_used_l * price_per_l is not null)
            as fuel_costed_distance_m
    from marts.vehicle_days
    join core.fuel_terms_on($day) using (tenant_id, vehicle_id)
    where service_date = $day
    group by all

),

routes as (

    select
        tenant_id,
        count(*) filter (planned_exit_utc is not null) as routes_planned,
        count(*) filter (stop_count > 0 or drive_s > 0) as routes_run,
        sum(cost order by vehicle_id, route_id) as cost,
        sum(completed_stop_count order by vehicle_id, route_id)::bigint as completed_stop_count,
        sum(planned_stop_count order by vehicle_id, route_id)::bigint as planned_stop_count,
        count(*) filter (on_time_start) as on_time_starts,
        count(*) filter (on_time_start is not null) as starts_with_plan,
        sum(route_time_s order by vehicle_id, route_id) filter (planned_route_time_s is not null) as route_time_s,
        sum(planned_route_time_s order by vehicle_id, route_id) filter (route_time_s is not null) as planned_route_time_s,
        sum(counted_stop_count order by vehicle_id, route_id) filter (cost is not null) as costed_stop_count,
        sum(cost order by vehicle_id, route_id) filter (counted_stop_count is not null) as counted_cost,
        sum(distance_m order by vehicle_id, route_id) filter (cost is not null) as costed_distance_m
    from marts.route_days
    where service_date = $day
    group by all

),

served as (

    -- The stops of the vans whose CO2 is known; not known where one of them was sampled too coarsely.
    select
        tenant_id,
        case when count(*) = count(counted_stop_count) then sum(counted_stop_count)::bigint end as co2_stop_count
    from marts.route_days
    semi join (from marts.vehicle_days where co2_kg is not null) using (tenant_id, service_date, vehicle_id)
    where service_date = $day
    group by all

),

tenants as (

    -- Also a tenant whose planned vans were all silent: that day most of all needs a row.
    select tenant_id from vans
    union
    select tenant_id from routes

),

outings as (

    -- When each van was out: on its route if the depot is known, else from its first fix to its last.
    select
        days.tenant_id,
        coalesce(min(routes.depot_exit_utc), any_value(days.first_fix_utc)) as from_utc,
        coalesce(max(routes.depot_return_utc), any_value(days.last_fix_utc)) as to_utc
    from marts.vehicle_days as days
    left join marts.route_days as routes using (tenant_id, service_date, vehicle_id)
    where days.service_date = $day
    group by days.tenant_id, days.vehicle_id

),

concurrency as (

    select tenant_id, max(vehicles_out) as peak_concurrent_vehicles
    from (
        select tenant_id, sum(step) over (partition by tenant_id order by at_utc, step desc) as vehicles_out
        from (
            select tenant_id, from_utc as at_utc, 1 as step from outings
            union all
            select tenant_id, to_utc, -1 from outings
        )
    )
    group by all

)

select
    tenants.tenant_id,
    $day as service_date,
    coalesce(books.vehicles_on_books, 0) as vehicles_on_books,
    coalesce(books.vehicles_out_of_service, 0) as vehicles_out_of_service,
    coalesce(books.vehicles_on_books - books.vehicles_out_of_service, 0) as vehicles_available,
    coalesce(books.vehicles_dispatched, 0) as vehicles_dispatched,
    coalesce(books.available_dispatched, 0) as available_dispatched,
    coalesce(books.books_dispatched, 0) as books_dispatched,
    books.available_dispatched
    / nullif(books.vehicles_on_books - books.vehicles_out_of_service, 0) as asset_utilization,
    books.books_dispatched / nullif(books.vehicles_on_books, 0) as books_utilization,
    coalesce(books.vehicles_dispatched, 0) as dispatched_days,
    coalesce(books.available_days, 0) as available_days,
    books.vehicles_dispatched / nullif(books.available_days, 0) as day_utilization,
    books.vehicles_active,
    books.vehicles_stationary,
    books.vehicles_inactive,
    books.vehicles_non_communicating,
    coalesce(vans.vehicles_heard, 0) as vehicles_heard,
    coalesce(vans.engine_on_s, 0) as engine_on_s,
    coalesce(vans.drive_s, 0) as drive_s,
    coalesce(vans.idle_s, 0) as idle_s,
    vans.idle_engine_on_s,
    vans.ready_s,
    vans.off_s,
    vans.parked_s,
    vans.unknown_s,
    coalesce(vans.excess_idle_s, 0) as excess_idle_s,
    coalesce(vans.idle_event_count, 0) as idle_event_count,
    coalesce(vans.known_s, 0) as known_s,
    coalesce(vans.observed_s, 0) as observed_s,
    coalesce(vans.distance_m, 0) as distance_m,
    coalesce(vans.better.distance_m, 0) as metered_distance_m,
    coalesce(vans.better.source, 'none') as fuel_used_source,
    coalesce(vans.counter_distance_m, 0) as counter_distance_m,
    vans.counter_fuel_l,
    coalesce(vans.level_distance_m, 0) as level_distance_m,
    vans.level_fuel_l,
    coalesce(vans.stop_count, 0) as stop_count,
    vans.idle_fuel_l,
    vans.idle_cost,
    vans.idle_co2_kg,
    vans.better.fuel_l as fuel_used_l,
    vans.co2_kg,
    vans.currency,
    coalesce(routes.routes_planned, 0) as routes_planned,
    coalesce(routes.routes_run, 0) as routes_run,
    vans.idle_s / nullif(vans.idle_engine_on_s, 0) as idle_share,
    1 - idle_share as engine_productivity,
    vans.known_s / nullif(vans.observed_s, 0) as coverage,
    vans.window_known_s,
    vans.window_observed_s,
    vans.window_known_s / nullif(vans.window_observed_s, 0) as window_coverage,
    vans.unplanned_stop_count,
    vans.unplanned_stop_s,
    vans.after_hours_m,
    vans.energy_used_kwh,
    vans.energy_distance_m,
    vans.energy_used_kwh / nullif(vans.energy_distance_m, 0) * 1e3 as energy_kwh_per_km,
    vans.co2_distance_m,
    vans.co2_kg / nullif(vans.co2_distance_m, 0) * 1e3 as co2_kg_per_km,
    served.co2_stop_count,
    vans.co2_kg / nullif(served.co2_stop_count, 0) as co2_kg_per_stop,
    vans.co2_factor_set,
    vans.better.fuel_l / nullif(vans.better.distance_m, 0) * 1e5 as fuel_l_per_100km,
    routes.cost,
    routes.completed_stop_count,
    routes.planned_stop_count,
    routes.counted_cost,
    routes.costed_stop_count,
    routes.costed_distance_m,
    routes.counted_cost / nullif(routes.costed_stop_count, 0) as cost_per_stop,
    routes.cost / nullif(routes.costed_distance_m, 0) * 1000 as cost_per_km,
    fuel.fuel_cost,
    fuel.fuel_costed_distance_m,
    fuel.fuel_cost / nullif(fuel.fuel_costed_distance_m, 0) * 1000 as fuel_cost_per_km,
    coalesce(routes.on_time_starts, 0) as on_time_starts,
    coalesce(routes.starts_with_plan, 0) as starts_with_plan,
    routes.on_time_starts / nullif(routes.starts_with_plan, 0) as on_time_start_share,
    routes.route_time_s,
    routes.planned_route_time_s,
    routes.route_time_s / nullif(routes.planned_route_time_s, 0) as route_utilization,
    coalesce(concurrency.peak_concurrent_vehicles, 0) as peak_concurrent_vehicles

from tenants
left join vans using (tenant_id)
left join books using (tenant_id)
left join fuel using (tenant_id)
left join routes using (tenant_id)
left join served using (tenant_id)
left join concurrency using (tenant_id)
