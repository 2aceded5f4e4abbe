-- A depot is where its vans were heard, assigned or planned: its van-days, its vans and its routes side by side. Vans and
-- routes of no known depot are together in a row without one.
with

books as (

{use}

),

van as (

{vehicles}

),

route as (

{routes}

),

keys as (

    select {group} from books
    union
    select {group} from van
    union
    select {group} from route

)

select
    keys.*,
    coalesce(van.days_with_data, 0) as days_with_data,
    books.* exclude ({group}),
    van.* exclude ({group}, days_with_data),
    coalesce(route.route_day_count, 0) as route_day_count,
    route.* exclude (
        {group}, days_with_data, route_day_count, stop_count, drive_s, idle_s, ready_s, off_s, parked_s, unknown_s,
        idle_engine_on_s, excess_idle_s, known_s, observed_s, distance_m, idle_share, engine_productivity, coverage,
        fuel_used_source, metered_distance_m, fuel_used_l, fuel_l_per_100km, co2_kg, co2_distance_m, co2_kg_per_km, fuel_cost, fuel_costed_distance_m,
        fuel_cost_per_km, currency
    )

from keys
left join books on {same_books}
left join van on {same_van}
left join route on {same_route}
