-- The day and the same weekday of the four weeks before, newest first.

with

flags as (

    select
        service_date,
        count(*) as fuel_flag_count

    from marts.fuel_exceptions
    where tenant_id = $tenant_id
        and severity <> 'info'
        and state not in ('explained', 'dismissed')
    group by service_date

),

routes as (

    select
        service_date,
        sum(greatest(route_time_s - planned_route_time_s, 0)) filter (
            where coalesce(coverage, 1) >= $min_coverage
        ) as overrun_s,
        if(
            count(on_time_start) = 0,
            null,
            coalesce(sum(epoch(depot_exit_utc - planned_exit_utc)) filter (where not on_time_start), 0)
        ) as late_start_s

    from marts.route_days
    where tenant_id = $tenant_id
    group by service_date

)

select
    service_date,
    vehicles_on_books,
    vehicles_out_of_service,
    vehicles_available,
    vehicles_dispatched,
    available_dispatched,
    vehicles_heard,
    routes_planned,
    routes_run,
    idle_s,
    idle_share,
    excess_idle_s,
    idle_fuel_l,
    idle_cost::double as idle_cost,
    observed_s,
    coverage,
    coalesce(coverage, 1) >= $min_coverage as is_heard,
    distance_m,
    metered_distance_m,
    fuel_used_l,
    co2_kg,
    on_time_starts,
    starts_with_plan,
    route_time_s,
    planned_route_time_s,
    peak_concurrent_vehicles,
    currency,
    coalesce(fuel_flag_count, 0) as fuel_flag_count,
    overrun_s,
    late_start_s

from marts.fleet_days
left join flags using (service_date)
left join routes using (service_date)

where tenant_id = $tenant_id
    and service_date between $service_date::date - 28 and $service_date::date
    and date_diff('day', service_date, $service_date::date) % 7 = 0

order by service_date desc
