-- The month, the one before and the same of last year, newest first: those of them that there are.

select
    months.date_from,
    months.days_with_data,
    months.dispatched_days,
    months.available_days,
    months.day_utilization,
    months.routes_planned,
    months.routes_run,
    months.route_utilization,
    months.engine_on_s,
    months.idle_s,
    months.parked_s,
    months.off_s,
    months.idle_share,
    months.idle_cost::double as idle_cost,
    months.idle_fuel_l,
    months.on_time_start_share,
    months.distance_m,
    months.stop_count,
    months.metered_distance_m,
    months.fuel_used_l,
    months.fuel_used_source,
    months.energy_used_kwh,
    months.energy_kwh_per_km,
    months.co2_kg,
    months.co2_distance_m,
    months.co2_kg_per_km,
    months.co2_kg_per_stop,
    months.co2_factor_set,
    months.cost::double as cost,
    months.cost_per_stop::double as cost_per_stop,
    months.cost_per_km::double as cost_per_km,
    months.costed_stop_count,
    months.costed_distance_m,
    months.fuel_cost::double as fuel_cost,
    months.fuel_cost_per_km::double as fuel_cost_per_km,
    months.peak_concurrent_vehicles,
    months.observed_s,
    months.coverage,
    coalesce(months.coverage, 1) >= $min_coverage as is_heard,
    months.currency,
    coalesce(parts.route_count, 0) as route_count,
    coalesce(parts.costed_route_count, 0) as costed_route_count,
    parts.fuel_part,
    parts.wage_part,
    parts.fixed_part,
    coalesce(parts.estimated_count, 0) as estimated_count,
    coalesce(parts.without_fuel_count, 0) as without_fuel_count,
    coalesce(parts.without_wage_count, 0) as without_wage_count,
    coalesce(parts.without_fixed_count, 0) as without_fixed_count

from marts.fleet_months as months
left join (

    -- What the cost of the routes is made of: of those whose whole cost is known.
    select
        date_trunc('month', service_date)::date as date_from,
        count(*) as route_count,
        count(cost) as costed_route_count,
        (sum(fuel_cost) filter (cost is not null))::double as fuel_part,
        (sum(wage_cost) filter (cost is not null))::double as wage_part,
        (sum(fixed_cost) filter (cost is not null))::double as fixed_part,
        count(*) filter (cost is not null and paid_source = 'estimated') as estimated_count,
        count(*) filter (fuel_cost is null) as without_fuel_count,
        count(*) filter (wage_cost is null) as without_wage_count,
        count(*) filter (fixed_cost is null) as without_fixed_count
    from marts.route_days
    where tenant_id = $tenant_id
    group by all

) as parts using (date_from)

where tenant_id = $tenant_id
    and date_from in ($first::date, $first::date - interval 1 month, $first::date - interval 1 year)

order by date_from desc
