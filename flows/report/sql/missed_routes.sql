-- Routes planned that day that no van was seen to run (as `marts.fleet_days` counts them), with the vans planned.

select
    route_id,
    min(vehicle_id) as vehicle_id

from core.planned_routes
where tenant_id = $tenant_id
    and service_date = $service_date::date
    and route_id not in (
        select route_id
        from marts.route_days
        where tenant_id = $tenant_id
            and service_date = $service_date::date
            and (stop_count > 0 or drive_s > 0)
    )

group by route_id
order by route_id
