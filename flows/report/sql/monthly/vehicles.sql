-- Each van of the month, least used first. Its cost is that of its routes.

with

costs as (

    select
        vehicle_id,
        sum(cost)::double as cost,
        (sum(cost) / nullif(sum(distance_m) filter (cost is not null), 0) * 1e3)::double as cost_per_km,
        max(currency) as currency
    from marts.route_days
    where tenant_id = $tenant_id and service_date between $first::date and $last::date
    group by vehicle_id

)

select
    vehicle_id,
    months.days_with_data,
    coalesce(months.dispatched_days, 0) as dispatched_days,
    coalesce(months.available_days, 0) as available_days,
    months.day_utilization,
    coalesce(months.distance_m, 0) as distance_m,
    coalesce(months.engine_on_s, 0) as engine_on_s,
    coalesce(months.idle_s, 0) as idle_s,
    coalesce(months.parked_s, 0) as parked_s,
    coalesce(months.off_s, 0) as off_s,
    months.idle_share,
    months.idle_cost::double as idle_cost,
    months.fuel_used_l,
    months.metered_distance_m,
    months.co2_kg,
    months.fuel_cost::double as fuel_cost,
    costs.cost,
    costs.cost_per_km,
    costs.currency,
    months.coverage,
    coalesce(months.coverage, 1) >= $min_coverage as is_heard

from marts.vehicle_months as months
left join costs using (vehicle_id)

where tenant_id = $tenant_id and months.date_from = $first::date

order by dispatched_days, distance_m, vehicle_id
