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
        plans.depot_id as planned_depot_id,
        plans.planned_exit_utc,
        plans.planned_return_utc,
        epoch(plans.planned_return_utc - plans.planned_exit_utc) as planned_route_time_s,
        plans.planned_stop_count,
        plans.planned_package_count,
        phases.depot_exit_utc,
        phases.first_stop_utc,
        phases.last_stop_utc,
        phases.depot_return_utc,
        phases.segment_count,
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
        sum(duration_us) filter (phase in ('stem_out', 'stem_back')) / 1e6 as stem_s,
        sum(distance_m order by started_utc) as distance_m,
        sum(distance_m order by started_utc) filter (phase = 'stem_out') as stem_out_m,
        sum(distance_m order by started_utc) filter (phase = 'stem_back') as stem_back_m,
        sum(fuel_l order by started_utc) as counted_fuel_l,
        sum(energy_kwh order by started_utc) as counted_energy_kwh,
        -- Without a timeclock: from the first sign of work to the last.
        epoch(max(ended_utc) filter (state != 'off') - min(started_utc) filter (state != 'off')) as estimated_paid_s
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

vans as (

    select
        tenant_id,
        vehicle_id,
        fuel_used_l as day_fuel_l,
        fuel_used_source as day_fuel_source,
        fuel_used_sigma_l as day_fuel_sigma_l,
        fuel_distance_m as day_fuel_distance_m
    from marts.vehicle_days
    where service_date = $day

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
        case when days.vehicle_id is null then routes.planned_depot_id else days.depot_id end as depot_id,
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
        case when routes.depot_exit_utc is not null and routes.depot_return_utc is not null
            then coalesce(times.stem_s, 0) end as stem_s,
        times.counted_fuel_l,
        times.counted_energy_kwh,
        times.estimated_paid_s,
        vans.* exclude (tenant_id, vehicle_id),
        days.energy_used_kwh as day_energy_kwh,
        fuel.is_electric,
        fuel.co2_kg_per_l,
        fuel.price_per_l,
        fuel.currency,
        vehicles.fixed_cost_per_day,
        vehicles.package_capacity,
        depots.wage_per_h,
        count(*) over (partition by routes.tenant_id, routes.vehicle_id) as routes_of_vehicle
    from routes
    left join times using (tenant_id, route_id, vehicle_id)
    left join idling using (tenant_id, route_id, vehicle_id)
    left join core.vehicle_dates as days using (tenant_id, service_date, vehicle_id)
    left join vans using (tenant_id, vehicle_id)
    left join core.fuel_terms_on($day) as fuel using (tenant_id, vehicle_id)
    left join core.vehicles_on($day) as vehicles using (tenant_id, vehicle_id)
    left join core.depots_on($day) as depots using (tenant_id, depot_id)

),

clocked as (

    select
        tenant_id,
        driver_id,
        sum(epoch(clock_out_utc - clock_in_utc) - coalesce(unpaid_break_s, 0) order by clock_in_utc) as clocked_s
    from core.timeclock
    where service_date = $day
    group by all

),

completed as (

    -- What cannot tell states apart still knows the fuel of the van's day: its only route burnt it. Litres and metres
    -- of a ratio are those of the same time.
    select
        measured.* replace (
            coalesce(scans.completed_stop_count, measured.completed_stop_count) as completed_stop_count
        ),
        case
            when scans.completed_stop_count is not null then 'scans'
            when measured.completed_stop_count is not null then 'plan'
            else 'detected'
        end as counted_by,
        -- What ratios divide by. Where hand-offs went unseen those that were seen say nothing.
        coalesce(
            scans.completed_stop_count,
            measured.completed_stop_count,
            case
                when not list_contains(measured.quality_flags, 'sampling_too_coarse')
                    then coalesce(measured.served_stop_count, 0)
            end
        ) as counted_stop_count,
        coalesce(scans.dispatched_package_count, measured.planned_package_count) as dispatched_package_count,
        scans.delivered_package_count,
        case
            when measured.counted_fuel_l is not null then 'counter'
            when measured.routes_of_vehicle = 1 and measured.day_fuel_l is not null then measured.day_fuel_source
            else 'none'
        end as fuel_used_source,
        case
            when measured.counted_fuel_l is not null then measured.counted_fuel_l
            when fuel_used_source != 'none' then measured.day_fuel_l
        end as fuel_used_l,
        case when fuel_used_source != 'none' then measured.day_fuel_sigma_l end as fuel_used_sigma_l,
        case
            when measured.counted_fuel_l is not null then measured.distance_m
            when fuel_used_source != 'none' then measured.day_fuel_distance_m
        end as fuel_distance_m,
        coalesce(
            measured.counted_energy_kwh, case when measured.routes_of_vehicle = 1 then measured.day_energy_kwh end
        ) as energy_used_kwh,
        -- What a driver is paid for is shared by the routes of the day, as is the fixed cost of a van.
        coalesce(
            clocked.clocked_s / count(*) over (partition by measured.tenant_id, measured.driver_id),
            measured.estimated_paid_s
        ) as paid_s,
        case
            when clocked.clocked_s is not null then 'timeclock'
            when measured.estimated_paid_s is not null then 'estimated'
        end as paid_source
    from measured
    left join clocked using (tenant_id, driver_id)
    left join (from core.deliveries where service_date = $day) as scans using (tenant_id, route_id, vehicle_id)

)

select
    * exclude (
        price_per_l, fixed_cost_per_day, wage_per_h, routes_of_vehicle, planned_driver_id, planned_depot_id, served_stop_count,
        counted_fuel_l, counted_energy_kwh, estimated_paid_s, day_fuel_l, day_fuel_source, day_fuel_sigma_l,
        day_fuel_distance_m, day_energy_kwh, is_electric, co2_kg_per_l, counted_by
    ),
    coalesce(served_stop_count, 0) as stop_count,
    route_time_s / nullif(planned_route_time_s, 0) as route_utilization,
    on_route_s / nullif(route_time_s, 0) as productive_share,
    case when not is_electric then idle_s / nullif(engine_on_s, 0) end as idle_share,
    1 - idle_share as engine_productivity,
    planned_package_count / nullif(package_capacity, 0) as capacity_utilization,
    completed_stop_count / nullif(planned_stop_count, 0) as stop_completion,
    delivered_package_count / nullif(dispatched_package_count, 0) as package_completion,
    on_route_s / nullif(paid_s, 0) as paid_productive_share,
    drive_s + idle_s + off_s + ready_s + parked_s as known_s,
    known_s + unknown_s as observed_s,
    known_s / nullif(observed_s, 0) as coverage,
    stem_out_m + stem_back_m as stem_m,
    stem_m / nullif(distance_m, 0) as stem_share,
    on_route_s - on_route_drive_s as dwell_s,
    dwell_s / nullif(counted_stop_count, 0) as mean_dwell_s,
    counted_stop_count / nullif(on_route_s / 3600, 0) as stops_per_hour,
    counted_stop_count / nullif(route_time_s / 3600, 0) as stops_per_route_hour,
    case when mean_dwell_s is not null or stops_per_hour is not null then counted_by end as dwell_basis,
    depot_exit_utc <= planned_exit_utc + to_seconds(core.on_time_tolerance_s()) as on_time_start,
    fuel_used_l / nullif(fuel_distance_m, 0) * 1e5 as fuel_l_per_100km,
    energy_used_kwh / nullif(distance_m, 0) * 1e3 as energy_kwh_per_km,
    case when is_electric then 0 else fuel_used_l * co2_kg_per_l end as co2_kg,
    co2_kg / nullif(case when is_electric then distance_m else fuel_distance_m end, 0) * 1e3 as co2_kg_per_km,
    co2_kg / nullif(counted_stop_count, 0) as co2_kg_per_stop,
    case when co2_kg is not null then core.co2_factor_set() end as co2_factor_set,
    -- Nothing is rounded before the last step, which is the column's four decimals.
    fuel_used_l * price_per_l as fuel_cost,
    paid_s / 3600 * wage_per_h::double as wage_cost,
    fixed_cost_per_day::double / routes_of_vehicle as fixed_cost,
    fuel_cost + wage_cost + fixed_cost as cost,
    cost / nullif(counted_stop_count, 0) as cost_per_stop,
    cost / nullif(distance_m, 0) * 1e3 as cost_per_km,
    fuel_cost / nullif(fuel_distance_m, 0) * 1e3 as fuel_cost_per_km

from completed
