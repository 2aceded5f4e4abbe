-- Every route on every date of the week with what is said of it by route: time against plan, and the stem.

select
    route_id,
    vehicle_id,
    service_date,
    role,
    route_time_s,
    planned_route_time_s,
    route_utilization,
    distance_m,
    stem_share,
    coalesce(coverage, 1) >= $min_coverage as is_heard

from marts.route_days
where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6

order by route_id, service_date, vehicle_id
