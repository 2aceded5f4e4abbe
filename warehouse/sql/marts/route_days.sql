-- marts.route_days: one row per tenant, service date, route and vehicle, planned or run.

with

routes as (

    select
        coalesce(plans.tenant_id, phases.tenant_id) as tenant_id,
        coalesce(plans.service_date, phases.service_date) as service_date,
        coalesce(plans.route_id, phases.route_id) as route_id,
        coalesce(plans.vehicle_id, phases.vehicle_id) as vehicle_id,
        coalesce(plans.role, 'primary') as role,
        plans.driver_id as planned_driver_id,
        plans.planned_exit_utc,
        plans.planned_return_utc,
        epoch(plans.planned_return_utc - plans.planned_exit_utc) as planned_route_time_s,
        plans.planned_stop_count,
        plans.planned_package_count,
        phases.depot_exit_utc,
        phases.first_stop_utc,
        phases.last_stop_utc,
        phases.depot_return_utc,
        epoch(phases.depot_return_utc - phases.depot_exit_utc) as route_time_s,
        phases.served_stop_count,
        phases.completed_stop_count,
        coalesce(phases.quality_flags, ['not_heard']) as quality_flags
    from (from core.planned_routes where service_date = $day) as plans
    full join (from core.route_phases where service_date = $day) as phases
        using (tenant_id, service_date, route_id, vehicle_id)

),

times as (

    select
        tenant_id,
        route_id,
        vehicle_id,
        sum(duration_us) filter (state = 'drive') / 1e6 as drive_s,
        sum(duration_us) filter (state = 'idle') / 1e6 as idle_s,
        sum(duration_us) filter (state = 'ready') / 1e6 as ready_s,
        sum(duration_us) filter (state = 'off') / 1e6 as off_s,
        sum(duration_us) filter (state = 'parked') / 1e6 as parked_s,
        sum(duration_us) filter (state = 'unknown') / 1e6 as unknown_s,
        sum(duration_us) filter (phase = 'on_route') / 1e6 as on_route_s,
        sum(duration_us) filter (phase = 'on_route' and state = 'drive') / 1e6 as on_route_drive_s,
        sum(distance_m order by started_utc) as distance_m,
        sum(distance_m order by started_utc) filter (phase = 'stem_out') as stem_out_m,
        sum(distance_m order by started_utc) filter (phase = 'stem_back') as stem_back_m,
        sum(fuel_l order by started_utc) as fuel_used_l,
        -- Without a timeclock: from the first sign of work to the last.
        epoch(max(ended_utc) filter (state != 'off') - min(started_utc) filter (state != 'off')) as paid_s
    from core.ledger
    where service_date = $day and route_id is not null
    group by all

),

idling as (

    select
        tenant_id,
        route_id,
        vehicle_id,
        sum(duration_us) filter (run_us >= core.idle_event_s() * 1e6 and not is_pto) / 1e6 as excess_idle_s
    from staging.idle_rows
    where service_date = $day and route_id is not null
    group by all

),

drivers as (

    select tenant_id, vehicle_id, id as assigned_driver_id, from_utc, to_utc
    from core.assignments
    where kind = 'driver'

),

measured as (

    select
        routes.*,
        coalesce(routes.planned_driver_id, (
            select max(assigned_driver_id)
            from drivers
            where drivers.tenant_id = routes.tenant_id
                and drivers.vehicle_id = routes.vehicle_id
                and coalesce(routes.depot_exit_utc, routes.planned_exit_utc, $day + interval 12 hour) >= from_utc
                and coalesce(routes.depot_exit_utc, routes.planned_exit_utc, $day + interval 12 hour) < to_utc
        )) as driver_id,
        days.depot_id,
        coalesce(times.drive_s, 0) as drive_s,
        coalesce(times.idle_s, 0) as idle_s,
        coalesce(times.drive_s, 0) + coalesce(times.idle_s, 0) as engine_on_s,
        coalesce(times.ready_s, 0) as ready_s,
        coalesce(times.off_s, 0) as off_s,
        coalesce(times.parked_s, 0) as parked_s,
        coalesce(times.unknown_s, 0) as unknown_s,
        coalesce(idling.excess_idle_s, 0) as excess_idle_s,
        case when routes.first_stop_utc is not null then coalesce(times.on_route_s, 0) end as on_route_s,
        case when routes.first_stop_utc is not null then coalesce(times.on_route_drive_s, 0) end as on_route_drive_s,
        coalesce(times.distance_m, 0) as distance_m,
        case when routes.depot_exit_utc is not null then coalesce(times.stem_out_m, 0) end as stem_out_m,
        case when routes.depot_return_utc is not null then coalesce(times.stem_back_m, 0) end as stem_back_m,
        times.fuel_used_l,
        times.paid_s,
        fuel.price_per_l,
        fuel.currency,
        vehicles.fixed_cost_per_day,
        depots.wage_per_h,
        count(*) over (partition by routes.tenant_id, routes.vehicle_id) as routes_of_vehicle
    from routes
    left join times using (tenant_id, route_id, vehicle_id)
    left join idling using (tenant_id, route_id, vehicle_id)
    left join core.vehicle_dates as days using (tenant_id, service_date, vehicle_id)
    left join core.fuel_terms_on($day) as fuel using (tenant_id, vehicle_id)
    left join core.vehicles_on($day) as vehicles using (tenant_id, vehicle_id)
    left join core.depots as depots using (tenant_id, depot_id)

)

select
    * exclude (
        price_per_l, fixed_cost_per_day, wage_per_h, routes_of_vehicle, planned_driver_id, served_stop_count
    ),
    coalesce(served_stop_count, 0) as stop_count,
    route_time_s / nullif(planned_route_time_s, 0) as route_utilization,
    on_route_s / nullif(route_time_s, 0) as productive_share,
    idle_s / nullif(engine_on_s, 0) as idle_share,
    (drive_s + idle_s + off_s + ready_s + parked_s)
    / nullif(drive_s + idle_s + off_s + ready_s + parked_s + unknown_s, 0) as coverage,
    stem_out_m + stem_back_m as stem_m,
    stem_m / nullif(distance_m, 0) as stem_share,
    epoch(first_stop_utc - depot_exit_utc) + epoch(depot_return_utc - last_stop_utc) as stem_s,
    (on_route_s - on_route_drive_s) / nullif(coalesce(completed_stop_count, stop_count), 0) as mean_dwell_s,
    coalesce(completed_stop_count, stop_count) / nullif(on_route_s / 3600, 0) as stops_per_hour,
    depot_exit_utc <= planned_exit_utc + to_seconds(core.on_time_tolerance_s()) as on_time_start,
    -- The fixed cost of a van's day is shared by its routes.
    fuel_used_l * price_per_l + paid_s / 3600 * wage_per_h::double
    + fixed_cost_per_day::double / routes_of_vehicle as cost

from measured
