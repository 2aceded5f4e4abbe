-- Vans that idle more than others do on the same routes: their idle time over what others' would have been.
--
-- Compared is the share of the time on a route that is idle: with the median of other vans' days on that route in four
-- weeks, else with that of all other vans' days of the depot.

with

days as (

    select
        route.service_date,
        route.vehicle_id,
        route.route_id,
        route.depot_id,
        route.idle_s,
        route.observed_s,
        route.idle_s / route.observed_s as idle_rate,
        van.idle_cost::double / nullif(van.idle_s, 0) as cost_per_s,
        van.idle_fuel_l / nullif(van.idle_s, 0) as l_per_s,
        van.currency
    from marts.route_days as route
    join marts.vehicle_days as van using (tenant_id, service_date, vehicle_id)
    where route.tenant_id = $tenant_id
        and route.service_date between $last::date - 27 and $last::date
        and route.observed_s >= 7200
        and route.coverage >= $least_coverage
        and (van.idle_s > 0 or van.ready_s = 0) -- an electric van is ready and never idles

),

asked as (

    select * from days where service_date between $first::date and $last::date

),

on_route as (

    select
        asked.vehicle_id,
        asked.route_id,
        median(others.idle_rate) as peer_rate,
        count(distinct others.vehicle_id) as peer_count
    from (select distinct vehicle_id, route_id from asked) as asked
    join days as others on others.route_id = asked.route_id and others.vehicle_id != asked.vehicle_id
    group by all
    having count(*) >= 5 and peer_count >= 2

),

at_depot as (

    select depot_id, median(idle_rate) as peer_rate, count(distinct vehicle_id) - 1 as peer_count
    from days
    group by depot_id

),

compared as (

    select
        asked.*,
        on_route.peer_rate is not null as is_same_route,
        coalesce(on_route.peer_rate, at_depot.peer_rate) as peer_rate,
        coalesce(on_route.peer_count, at_depot.peer_count) as peer_count,
        asked.idle_s - coalesce(on_route.peer_rate, at_depot.peer_rate) * asked.observed_s as excess_s
    from asked
    left join on_route using (vehicle_id, route_id)
    join at_depot on at_depot.depot_id is not distinct from asked.depot_id

)

select
    vehicle_id,
    count(distinct service_date) as day_count,
    count(distinct service_date) filter (excess_s > 0) as above_count,
    min(peer_count) as peer_count,
    bool_and(is_same_route) as is_same_route,
    sum(idle_s order by service_date, route_id) as idle_s,
    sum(idle_s - excess_s order by service_date, route_id) as expected_s,
    sum(excess_s order by service_date, route_id) as excess_s,
    sum(excess_s * l_per_s order by service_date, route_id) as excess_l,
    case when count(cost_per_s) = count(*) then sum(excess_s * cost_per_s order by service_date, route_id) end
        as excess_cost,
    max(currency) as currency

from compared
group by vehicle_id
having excess_s >= $least_excess_s and idle_s >= $least_ratio * expected_s and day_count >= 2
order by excess_cost desc nulls last, excess_s desc, vehicle_id
