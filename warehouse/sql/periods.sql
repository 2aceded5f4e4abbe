-- Measures over a period, both days included: sums over sums of the marts, never means of ratios.
--
--     select * from core.day_utilization(date '2026-02-01', date '2026-02-28')

-- K2 by van. Days on which no van of the fleet was dispatched are nobody's available days.
create or replace macro core.day_utilization(from_day, to_day) as table
select *, dispatched_days / nullif(available_days, 0) as day_utilization
from (
    select
        tenant_id,
        vehicle_id,
        count(*) filter (is_dispatched) as dispatched_days,
        count(*) filter (is_available or is_dispatched) as available_days
    from marts.status_days
    where service_date between from_day and to_day
        and (tenant_id, service_date) in (
            select (tenant_id, service_date)
            from marts.status_days
            where is_dispatched and service_date between from_day and to_day
        )
    group by tenant_id, vehicle_id
);

-- K3, K4, K6, K10-K12, K21, K22, K27, K28 by van.
create or replace macro core.vehicle_totals(from_day, to_day) as table
select
    * exclude (windowed_engine_on_s, targeted_distance_m, better),
    windowed_engine_on_s / nullif(available_window_s, 0) as time_utilization,
    targeted_distance_m / nullif(target_distance_m, 0) as distance_utilization,
    idle_s / nullif(idle_engine_on_s, 0) as idle_share,
    1 - idle_s / nullif(idle_engine_on_s, 0) as engine_productivity,
    known_s / nullif(observed_s, 0) as coverage,
    window_known_s / nullif(window_observed_s, 0) as window_coverage,
    better.source as fuel_used_source,
    better.distance_m as metered_distance_m,
    better.fuel_l as fuel_used_l,
    better.fuel_l / nullif(better.distance_m, 0) * 1e5 as fuel_l_per_100km,
    energy_used_kwh / nullif(energy_distance_m, 0) * 1e3 as energy_kwh_per_km
from (
    select
        tenant_id,
        vehicle_id,
        count(*) as heard_days,
        sum(engine_on_s order by service_date) as engine_on_s,
        sum(drive_s order by service_date) as drive_s,
        sum(idle_s order by service_date) as idle_s,
        sum(ready_s order by service_date) as ready_s,
        sum(excess_idle_s order by service_date) as excess_idle_s,
        sum(engine_on_s order by service_date) filter (available_window_s is not null) as windowed_engine_on_s,
        sum(available_window_s order by service_date) as available_window_s,
        sum(distance_m order by service_date) as distance_m,
        sum(distance_m order by service_date) filter (target_distance_m is not null) as targeted_distance_m,
        sum(target_distance_m order by service_date) as target_distance_m,
        sum(engine_on_s order by service_date) filter (not core.is_electric(fuel_type)) as idle_engine_on_s,
        sum(drive_s + idle_s + off_s + ready_s + parked_s order by service_date) as known_s,
        sum(drive_s + idle_s + off_s + ready_s + parked_s + unknown_s order by service_date) as observed_s,
        sum(window_known_s order by service_date) as window_known_s,
        sum(window_observed_s order by service_date) as window_observed_s,
        core.better_source(
            sum(fuel_distance_m order by service_date) filter (fuel_used_source = 'counter'),
            sum(fuel_used_l order by service_date) filter (fuel_used_source = 'counter'),
            sum(fuel_distance_m order by service_date) filter (fuel_used_source = 'level'),
            sum(fuel_used_l order by service_date) filter (fuel_used_source = 'level')
        ) as better,
        sum(distance_m order by service_date) filter (energy_used_kwh is not null) as energy_distance_m,
        sum(energy_used_kwh order by service_date) as energy_used_kwh,
        sum(unplanned_stop_count)::bigint as unplanned_stop_count,
        sum(unplanned_stop_s order by service_date) as unplanned_stop_s,
        sum(after_hours_m order by service_date) as after_hours_m
    from marts.vehicle_days
    where service_date between from_day and to_day
    group by tenant_id, vehicle_id
);

-- K5, K7-K9, K15-K20, K24-K26 by route code. Each numerator is summed over the days that have its denominator.
create or replace macro core.route_totals(from_day, to_day) as table
select
    *,
    planned_package_count / nullif(package_capacity, 0) as capacity_utilization,
    route_time_s / nullif(planned_route_time_s, 0) as route_utilization,
    on_route_s / nullif(productive_route_time_s, 0) as productive_share,
    paid_on_route_s / nullif(paid_s, 0) as paid_productive_share,
    stem_m / nullif(distance_m, 0) as stem_share,
    dwell_s / nullif(counted_stop_count, 0) as mean_dwell_s,
    counted_stop_count / nullif(counted_on_route_s / 3600, 0) as stops_per_hour,
    completed_stop_count / nullif(planned_stop_count, 0) as stop_completion,
    delivered_package_count / nullif(dispatched_package_count, 0) as package_completion,
    on_time_starts / nullif(starts_with_plan, 0) as on_time_start_share,
    counted_cost / nullif(costed_stop_count, 0) as cost_per_stop,
    cost / nullif(costed_distance_m, 0) * 1e3 as cost_per_km,
    fuel_cost / nullif(fuel_costed_distance_m, 0) * 1e3 as fuel_cost_per_km
from (
    select
        tenant_id,
        route_id,
        count(*) as route_days,
        sum(planned_package_count) filter (package_capacity is not null)::bigint as planned_package_count,
        sum(package_capacity) filter (planned_package_count is not null)::bigint as package_capacity,
        sum(route_time_s order by service_date, vehicle_id) filter (planned_route_time_s is not null) as route_time_s,
        sum(planned_route_time_s order by service_date, vehicle_id)
            filter (route_time_s is not null) as planned_route_time_s,
        sum(on_route_s order by service_date, vehicle_id) filter (route_time_s is not null) as on_route_s,
        sum(route_time_s order by service_date, vehicle_id) filter (on_route_s is not null) as productive_route_time_s,
        sum(on_route_s order by service_date, vehicle_id) filter (paid_s is not null) as paid_on_route_s,
        sum(paid_s order by service_date, vehicle_id) filter (on_route_s is not null) as paid_s,
        sum(stem_m order by service_date, vehicle_id) as stem_m,
        sum(distance_m order by service_date, vehicle_id) filter (stem_m is not null) as distance_m,
        sum(stem_s order by service_date, vehicle_id) as stem_s,
        sum(on_route_s - on_route_drive_s order by service_date, vehicle_id)
            filter (mean_dwell_s is not null) as dwell_s,
        sum(counted_stop_count) filter (mean_dwell_s is not null)::bigint as counted_stop_count,
        sum(on_route_s order by service_date, vehicle_id) filter (mean_dwell_s is not null) as counted_on_route_s,
        sum(completed_stop_count) filter (planned_stop_count is not null)::bigint as completed_stop_count,
        sum(planned_stop_count) filter (completed_stop_count is not null)::bigint as planned_stop_count,
        sum(delivered_package_count) filter (dispatched_package_count is not null)::bigint as delivered_package_count,
        sum(dispatched_package_count) filter (delivered_package_count is not null)::bigint as dispatched_package_count,
        count(*) filter (on_time_start) as on_time_starts,
        count(on_time_start) as starts_with_plan,
        sum(cost order by service_date, vehicle_id) as cost,
        sum(cost order by service_date, vehicle_id) filter (counted_stop_count is not null) as counted_cost,
        sum(counted_stop_count) filter (cost is not null)::bigint as costed_stop_count,
        sum(distance_m order by service_date, vehicle_id) filter (cost is not null) as costed_distance_m,
        sum(fuel_cost order by service_date, vehicle_id) as fuel_cost,
        sum(distance_m order by service_date, vehicle_id) filter (fuel_cost is not null) as fuel_costed_distance_m,
        max(currency) as currency
    from marts.route_days
    where service_date between from_day and to_day
    group by tenant_id, route_id
);

-- K1, K7, K10-K14, K20-K26 by tenant.
create or replace macro core.fleet_totals(from_day, to_day) as table
select
    * exclude (better),
    better.source as fuel_used_source,
    better.distance_m as metered_distance_m,
    better.fuel_l as fuel_used_l,
    available_dispatched / nullif(vehicles_available, 0) as asset_utilization,
    books_dispatched / nullif(vehicles_on_books, 0) as books_utilization,
    route_time_s / nullif(planned_route_time_s, 0) as route_utilization,
    idle_s / nullif(idle_engine_on_s, 0) as idle_share,
    on_time_starts / nullif(starts_with_plan, 0) as on_time_start_share,
    better.fuel_l / nullif(better.distance_m, 0) * 1e5 as fuel_l_per_100km,
    energy_used_kwh / nullif(energy_distance_m, 0) * 1e3 as energy_kwh_per_km,
    known_s / nullif(observed_s, 0) as coverage,
    co2_kg / nullif(co2_distance_m, 0) * 1e3 as co2_kg_per_km,
    co2_kg / nullif(co2_stop_count, 0) as co2_kg_per_stop,
    counted_cost / nullif(costed_stop_count, 0) as cost_per_stop,
    cost / nullif(costed_distance_m, 0) * 1e3 as cost_per_km,
    fuel_cost / nullif(fuel_costed_distance_m, 0) * 1e3 as fuel_cost_per_km
from (
    select
        tenant_id,
        count(*) as fleet_days,
        sum(vehicles_dispatched)::bigint as vehicles_dispatched,
        sum(available_dispatched)::bigint as available_dispatched,
        sum(books_dispatched)::bigint as books_dispatched,
        sum(vehicles_available)::bigint as vehicles_available,
        sum(vehicles_on_books)::bigint as vehicles_on_books,
        sum(route_time_s order by service_date) as route_time_s,
        sum(planned_route_time_s order by service_date) as planned_route_time_s,
        sum(idle_s order by service_date) as idle_s,
        sum(idle_engine_on_s order by service_date) as idle_engine_on_s,
        sum(excess_idle_s order by service_date) as excess_idle_s,
        sum(idle_fuel_l order by service_date) as idle_fuel_l,
        sum(idle_cost order by service_date) as idle_cost,
        sum(idle_co2_kg order by service_date) as idle_co2_kg,
        sum(on_time_starts)::bigint as on_time_starts,
        sum(starts_with_plan)::bigint as starts_with_plan,
        sum(distance_m order by service_date) as distance_m,
        core.better_source(
            sum(counter_distance_m order by service_date),
            sum(counter_fuel_l order by service_date),
            sum(level_distance_m order by service_date),
            sum(level_fuel_l order by service_date)
        ) as better,
        sum(energy_distance_m order by service_date) as energy_distance_m,
        sum(energy_used_kwh order by service_date) as energy_used_kwh,
        sum(known_s order by service_date) as known_s,
        sum(observed_s order by service_date) as observed_s,
        sum(co2_kg order by service_date) as co2_kg,
        sum(co2_distance_m order by service_date) as co2_distance_m,
        sum(co2_stop_count)::bigint as co2_stop_count,
        string_agg(distinct co2_factor_set, '; ' order by co2_factor_set) as co2_factor_set,
        sum(cost order by service_date) as cost,
        sum(counted_cost order by service_date) as counted_cost,
        sum(costed_stop_count)::bigint as costed_stop_count,
        sum(costed_distance_m order by service_date) as costed_distance_m,
        sum(fuel_cost order by service_date) as fuel_cost,
        sum(fuel_costed_distance_m order by service_date) as fuel_costed_distance_m,
        max(currency) as currency
    from marts.fleet_days
    where service_date between from_day and to_day
    group by tenant_id
);
