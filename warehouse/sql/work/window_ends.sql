-- Where the windows in `moving` end: as planned; or, where the last good fix before that was outside the
-- depot, just after the first one inside it, if there is one in time.

with

windows as (

    select
        plan_windows.*,
        first(depots.latitude order by depots.depot_id) as depot_latitude,
        first(depots.longitude order by depots.depot_id) as depot_longitude,
        first(coalesce(depots.radius_m, 150) order by depots.depot_id) as radius_m
    from core.plan_windows
    semi join moving using (tenant_id, vehicle_id, service_date)
    left join core.planned_routes as routes using (tenant_id, vehicle_id, service_date)
    left join staging.depot_ranges as depots
        on depots.tenant_id = routes.tenant_id
        and depots.depot_id = routes.depot_id
        and routes.service_date >= depots.from_date
        and routes.service_date < depots.to_date
        and depots.latitude is not null
        and depots.longitude is not null
    group by all

),

fixes as (

    select
        windows.*,
        heard.at_utc,
        -- The great circle, from the chord.
        2 * 6371008.8 * asin(sqrt(
            sin(radians(heard.latitude - depot_latitude) / 2) ** 2
            + cos(radians(heard.latitude)) * cos(radians(depot_latitude))
            * sin(radians(heard.longitude - depot_longitude) / 2) ** 2
        )) <= radius_m as is_inside
    from windows
    join ({resolved}) as heard
        on heard.tenant_id = windows.tenant_id
        and heard.vehicle_id = windows.vehicle_id
        and heard.at_utc >= windows.from_utc
        and heard.at_utc < windows.latest_utc
    where depot_latitude is not null

),

returns as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        -- Of several fixes at the last instant one inside is enough.
        arg_max(is_inside, {'at_utc': at_utc, 'is_inside': is_inside}) filter (at_utc < planned_to_utc) as was_inside,
        min(at_utc) filter (at_utc >= planned_to_utc and is_inside) as back_utc
    from fixes
    group by all

)

select
    windows.tenant_id,
    windows.vehicle_id,
    windows.service_date,
    case
        when not was_inside and back_utc is not null then back_utc + interval 1 millisecond
        else planned_to_utc
    end as to_utc

from windows
left join returns using (tenant_id, vehicle_id, service_date)
