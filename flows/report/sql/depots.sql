-- The depots whose vans were heard or planned that day, with how many vans each had.

with

places as (

    select depot_id, vehicle_id
    from marts.vehicle_days
    where tenant_id = $tenant_id and service_date = $service_date::date and depot_id is not null

    union

    select depot_id, vehicle_id
    from marts.route_days
    where tenant_id = $tenant_id and service_date = $service_date::date and depot_id is not null

)

select
    places.depot_id,
    any_value(depots.timezone) as timezone,
    any_value(depots.wage_per_h)::double as wage_per_h,
    count(distinct vehicle_id) as vehicle_count

from places
left join core.depots_on($service_date::date) as depots
    on depots.tenant_id = $tenant_id
    and depots.depot_id = places.depot_id

group by places.depot_id
order by vehicle_count desc, places.depot_id
