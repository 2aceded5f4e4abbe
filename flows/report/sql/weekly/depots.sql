-- The depots whose vans were heard in the week, with how many vans each had.

select
    vans.depot_id,
    any_value(depots.timezone) as timezone,
    any_value(depots.wage_per_h)::double as wage_per_h,
    count(distinct vans.vehicle_id) as vehicle_count

from marts.vehicle_days as vans
left join core.depots_on($first::date + 6) as depots using (tenant_id, depot_id)

where tenant_id = $tenant_id
    and service_date between $first::date and $first::date + 6
    and vans.depot_id is not null

group by vans.depot_id
order by vehicle_count desc, vans.depot_id
