-- What may be shown of the vehicle-dates in `wanted`: their scheduled window with an hour on both sides, and where they
-- stood overnight away from a depot, as cells of a grid of 1 km.
--
-- Overnight is where the van was first and last heard on the date, and where it stood for two hours or more between ten
-- and five at night. Which of these is somebody's home nobody knows, so all of them are guarded.

with

windows as (

    select
        wanted.tenant_id,
        wanted.vehicle_id,
        wanted.service_date,
        min(((wanted.service_date + window_start) at time zone depots.timezone) at time zone 'UTC') as from_utc,
        max(((wanted.service_date + (window_end <= window_start)::int + window_end) at time zone depots.timezone)
            at time zone 'UTC') as to_utc
    from wanted
    join core.vehicle_dates as days using (tenant_id, vehicle_id, service_date)
    join staging.depot_ranges as depots
        on depots.tenant_id = days.tenant_id
        and depots.depot_id = days.depot_id
        and days.service_date >= depots.from_date
        and days.service_date < depots.to_date
    where window_start is not null and window_end is not null
    group by all

),

plans as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        min(planned_exit_utc) as from_utc,
        max(planned_return_utc) as to_utc
    from core.planned_routes
    semi join wanted using (tenant_id, vehicle_id, service_date)
    where planned_exit_utc is not null and planned_return_utc is not null
    group by all

),

stands as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        (min(started_utc) at time zone 'UTC') at time zone min(timezone) as began_local,
        (max(ended_utc) at time zone 'UTC') at time zone min(timezone) as ended_local,
        {
            'latitude': first(latitude order by started_utc) filter (latitude is not null),
            'longitude': first(longitude order by started_utc) filter (latitude is not null)
        } as place
    from ({standing_rows}) as rows
    join core.vehicle_dates using (tenant_id, vehicle_id, service_date)
    group by tenant_id, vehicle_id, service_date, stand_no

),

overnight as (

    select tenant_id, vehicle_id, service_date, place from place_ends
    union all
    select tenant_id, vehicle_id, service_date, place
    from stands
    where ended_local - began_local >= interval 2 hour
        and place.latitude is not null
        and (
            began_local::date != ended_local::date
            or hour(began_local) not between 5 and 21
            or hour(ended_local) not between 5 and 21
        )

),

homes as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        list_sort(list_distinct(list({'latitude': {cell_latitude}, 'longitude': {cell_longitude}}))) as homes
    from (
        select tenant_id, vehicle_id, service_date, place.latitude as latitude, place.longitude as longitude from overnight
    ) as places
    where not exists (
        from staging.depot_ranges as depots
        where depots.tenant_id = places.tenant_id
            and places.service_date >= depots.from_date
            and places.service_date < depots.to_date
            and 111195 * sqrt(
                (depots.latitude - places.latitude) ** 2
                + ((depots.longitude - places.longitude) * cos(radians(depots.latitude))) ** 2
            ) <= coalesce(depots.radius_m, 150)
    )
    group by all

)

select
    tenant_id,
    service_date,
    vehicle_id,
    case
        when $suppress and not list_contains($shown_tenants::varchar[], tenant_id)
        then least(windows.from_utc, plans.from_utc) - core.after_hours_slack()
    end as shown_from_utc,
    case
        when shown_from_utc is not null then greatest(windows.to_utc, plans.to_utc) + core.after_hours_slack()
    end as shown_to_utc,
    coalesce(homes.homes, []) as homes

from core.vehicle_dates
semi join wanted using (tenant_id, vehicle_id, service_date)
left join windows using (tenant_id, vehicle_id, service_date)
left join plans using (tenant_id, vehicle_id, service_date)
left join homes using (tenant_id, vehicle_id, service_date)
