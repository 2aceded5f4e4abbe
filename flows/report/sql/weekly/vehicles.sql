-- Every van in every one of the eight weeks in which it was heard.

with

fuels as (

    select
        vehicle_id,
        any_value(fuel_type) as fuel_type

    from core.vehicles_on($first::date + 6)
    where tenant_id = $tenant_id
    group by vehicle_id

)

select
    date_from,
    vehicle_id,
    fuel_type,
    days_with_data,
    time_utilization,
    engine_on_s,
    idle_s,
    idle_cost::double as idle_cost,
    coverage,
    coalesce(coverage, 1) >= $min_coverage as is_heard,
    metered_distance_m,
    fuel_used_l

from marts.vehicle_weeks
left join fuels using (vehicle_id)

where tenant_id = $tenant_id
    and date_from between $first::date - 49 and $first::date
    and days_with_data > 0

order by date_from desc, idle_s desc, vehicle_id
