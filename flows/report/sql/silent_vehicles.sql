-- Vans that should have been heard and were not: planned that day, or active on the books, or (where the books do
-- not say otherwise) heard in the two weeks before. A van without a route that was left with its engine off is none of
-- them: the tracker of a parked van sleeps.

with

books as (

    select
        vehicle_id,
        bool_or(coalesce(status, 'active') = 'active') as is_active

    from core.vehicles_on($service_date::date)
    where tenant_id = $tenant_id
    group by vehicle_id

),

planned as (

    select
        vehicle_id,
        min(route_id) as route_id

    from core.planned_routes
    where tenant_id = $tenant_id and service_date = $service_date::date
    group by vehicle_id

),

recent as (

    select
        vehicle_id,
        max(last_fix_utc) as last_fix_utc,
        max(service_date) as last_date

    from marts.vehicle_days
    where tenant_id = $tenant_id
        and service_date between $service_date::date - 14 and $service_date::date - 1
    group by vehicle_id

),

last_runs as (

    select vehicle_id, arg_max(state, (ended_utc, started_utc)) as last_state
    from core.ledger
    join recent using (vehicle_id)
    where tenant_id = $tenant_id and service_date = recent.last_date
    group by vehicle_id

),

expected as (

    select vehicle_id from books where is_active
    union
    select vehicle_id from planned
    union
    select vehicle_id from recent anti join books using (vehicle_id)

)

select
    vehicle_id,
    planned.route_id,
    recent.last_fix_utc

from expected
left join planned using (vehicle_id)
left join recent using (vehicle_id)
left join last_runs using (vehicle_id)

where vehicle_id not in (
    select vehicle_id
    from marts.vehicle_days
    where tenant_id = $tenant_id and service_date = $service_date::date
)
    and (planned.route_id is not null or coalesce(last_state not in ('off', 'parked'), true))

order by planned.route_id is null, vehicle_id
