-- The week and the seven before it, as far as there are any, newest first: sums of marts.fleet_weeks, and beside them what
-- only routes, vans and purchases know, likewise as sums over sums.

with

fleet as (

    select *
    from marts.fleet_weeks
    where tenant_id = $tenant_id and date_from between $first::date - 49 and $first::date

),

routes as (

    select
        date_from,
        sum(counted_stop_count) / nullif(sum(counted_on_route_s order by route_id) / 3600, 0) as stops_per_hour

    from marts.route_weeks
    where tenant_id = $tenant_id and date_from between $first::date - 49 and $first::date
    group by date_from

),

vans as (

    select
        date_from,
        count(*) filter (days_with_data > 0) as vehicle_count,
        sum(windowed_engine_on_s order by vehicle_id)
        / nullif(sum(available_window_s order by vehicle_id), 0) as time_utilization

    from marts.vehicle_weeks
    where tenant_id = $tenant_id and date_from between $first::date - 49 and $first::date
    group by date_from

),

flags as (

    select
        fleet.date_from,
        count(*) as fuel_flag_count

    from fleet
    join marts.fuel_exceptions as exceptions on exceptions.service_date between fleet.date_from and fleet.date_to
    where exceptions.tenant_id = $tenant_id
        and exceptions.severity <> 'info'
        and exceptions.state not in ('explained', 'dismissed')
    group by fleet.date_from

),

purchases as (

    select
        fleet.date_from,
        count(*) as purchase_count,
        count(*) filter (purchases.match_state <> 'unverifiable') as verified_count

    from fleet
    join marts.fuel_purchases as purchases on purchases.service_date between fleet.date_from and fleet.date_to
    where purchases.tenant_id = $tenant_id
    group by fleet.date_from

)

select
    date_from,
    date_to,
    days_with_data,
    coalesce(vehicle_count, 0) as vehicle_count,
    routes_planned,
    routes_run,
    route_time_s,
    planned_route_time_s,
    route_utilization,
    time_utilization,
    drive_s,
    idle_s,
    ready_s,
    off_s,
    parked_s,
    unknown_s,
    idle_share,
    excess_idle_s,
    idle_cost::double as idle_cost,
    coverage,
    coalesce(coverage, 1) >= $min_coverage as is_heard,
    known_s,
    observed_s,
    distance_m,
    metered_distance_m,
    fuel_used_l,
    fuel_cost::double as fuel_cost,
    fuel_costed_distance_m,
    on_time_starts,
    starts_with_plan,
    stops_per_hour,
    cost::double as cost,
    cost_per_stop::double as cost_per_stop,
    costed_stop_count,
    peak_concurrent_vehicles,
    co2_factor_set,
    currency,
    coalesce(fuel_flag_count, 0) as fuel_flag_count,
    coalesce(purchase_count, 0) as purchase_count,
    coalesce(verified_count, 0) as verified_count

from fleet
left join routes using (date_from)
left join vans using (date_from)
left join flags using (date_from)
left join purchases using (date_from)

order by date_from desc
