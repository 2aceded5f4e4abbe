-- marts.status_days: one row per tenant, service date and van on the books, heard or planned: could it work, did it?

with

registered as (

    select
        tenant_id,
        vehicle_id,
        status,
        coalesce(status, 'active') != 'sold'
        and $day >= coalesce(lease_from, date '-infinity')
        and $day < coalesce(lease_to, date 'infinity') as is_on_books,
        -- Import takes `service` for workshop; rows that an older version took still have it.
        coalesce(status, 'active') in ('workshop', 'out_of_service', 'service') as is_out_of_service
    from core.vehicles_on($day)

),

heard as (

    select tenant_id, vehicle_id, depot_id, drive_s, engine_on_s, ready_s
    from marts.vehicle_days
    where service_date = $day

),

routes as (

    select tenant_id, vehicle_id, bool_or(drive_s > 0) as is_dispatched
    from marts.route_days
    where service_date = $day
    group by all

),

depots as (

    -- Where a van belonged at noon, UTC; where that is not known, where it was planned to leave from.
    select tenant_id, vehicle_id, coalesce(any_value(assigned_depot_id), min(planned_depot_id)) as depot_id
    from (
        select tenant_id, vehicle_id, id as assigned_depot_id, null as planned_depot_id
        from core.assignments
        where kind = 'depot' and $day + interval 12 hour >= from_utc and $day + interval 12 hour < to_utc
        union all
        select tenant_id, vehicle_id, null, depot_id
        from core.planned_routes
        where service_date = $day
    )
    group by all

),

vans as (

    -- Of a fleet that was neither heard nor planned nothing is said.
    select tenant_id, vehicle_id from heard
    union
    select tenant_id, vehicle_id from routes
    union
    select tenant_id, vehicle_id
    from registered
    where is_on_books and tenant_id in (select tenant_id from heard union select tenant_id from routes)

)

select
    vans.tenant_id,
    $day as service_date,
    vans.vehicle_id,
    registered.status as registered_status,
    coalesce(registered.is_on_books, false) as is_on_books,
    coalesce(registered.is_on_books and not registered.is_out_of_service, false) as is_available,
    coalesce(routes.is_dispatched, false) as is_dispatched,
    case
        when heard.vehicle_id is null then 'non_communicating'
        when heard.drive_s > 0 then 'active'
        when heard.engine_on_s > 0 or heard.ready_s > 0 then 'stationary'
        else 'inactive'
    end as fleet_status,
    case when heard.vehicle_id is not null then heard.depot_id else depots.depot_id end as depot_id

from vans
left join registered using (tenant_id, vehicle_id)
left join heard using (tenant_id, vehicle_id)
left join routes using (tenant_id, vehicle_id)
left join depots using (tenant_id, vehicle_id)
