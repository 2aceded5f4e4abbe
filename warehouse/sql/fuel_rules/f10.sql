-- F10, off hours or off day: outside the hours of the van's routes, or on a day on which it had none.

with

planned as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        min(planned_exit_utc) as from_utc,
        max(planned_return_utc) as to_utc,
        bool_and(planned_exit_utc is not null and planned_return_utc is not null) as has_hours
    from core.planned_routes
    group by all

),

driven as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        min(depot_exit_utc) as from_utc,
        max(depot_return_utc) as to_utc,
        bool_and(depot_exit_utc is not null and depot_return_utc is not null) as has_hours
    from marts.route_days
    group by all

),

-- The hours of a van's day reach from the earlier of plan and day to the later; either alone will do.
windows as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        min(from_utc) as from_utc,
        max(to_utc) as to_utc,
        bool_or(has_hours) as has_hours
    from (from planned union all by name from driven)
    group by all

),

fleet as (

    select distinct tenant_id, service_date from core.planned_routes

),

asked as (

    select *
    from fuel_cases
    where is_placed
        and is_lead
        and not is_duplicate
        and vehicle_id is not null
        and near_utc is not null
        and service_date is not null
        and not may_buy_off_hours

),

judged as (

    select
        asked.tenant_id,
        asked.line,
        count(*) filter (windows.service_date = asked.service_date) as route_count,
        coalesce(bool_and(has_hours) filter (windows.service_date = asked.service_date), true) as has_hours,
        any_value(windows.from_utc) filter (windows.service_date = asked.service_date) as route_from_utc,
        any_value(windows.to_utc) filter (windows.service_date = asked.service_date) as route_to_utc,
        coalesce(bool_or(
            asked.near_utc between windows.from_utc - to_seconds($slack_s) and windows.to_utc + to_seconds($slack_s)
            or asked.at_utc_alternative
                between windows.from_utc - to_seconds($slack_s) and windows.to_utc + to_seconds($slack_s)
        ), false) as is_inside
    from asked
    left join windows
        on windows.tenant_id = asked.tenant_id
        and windows.vehicle_id = asked.vehicle_id
        and windows.service_date between asked.service_date - 1 and asked.service_date + 1
    group by all

),

-- The plan of a date is known where the fleet has routes that day, or plans before and after it.
known as (

    select
        asked.tenant_id,
        asked.line,
        bool_or(fleet.service_date = asked.service_date)
            or (bool_or(fleet.service_date < asked.service_date) and bool_or(fleet.service_date > asked.service_date))
            as is_plan_known
    from asked
    join fleet
        on fleet.tenant_id = asked.tenant_id
        and fleet.service_date between asked.service_date - $plan_days::integer
            and asked.service_date + $plan_days::integer
    group by all

),

out_of_service as (

    select distinct asked.tenant_id, asked.line
    from asked
    join staging.vehicle_ranges as vehicles
        on vehicles.tenant_id = asked.tenant_id
        and vehicles.vehicle_id = asked.vehicle_id
        and asked.service_date >= vehicles.from_date
        and asked.service_date < vehicles.to_date
    where vehicles.status not in ('active', 'available', 'in_service')

)

select
    asked.tenant_id,
    asked.provider,
    asked.provider_txn_id,
    asked.item_no,
    asked.vehicle_id,
    asked.amount as cost,
    {'at_utc': near_utc, 'route_count': route_count, 'from_utc': route_from_utc, 'to_utc': route_to_utc} as evidence,
    case
        when route_count = 0
        then printf('A purchase for %s at %s; it had no route on %s.', van, clock, service_date::varchar)
        else printf(
            'A purchase for %s at %s; its route of the day was from %s to %s.',
            van, clock, fuel_clock(route_from_utc, zone), fuel_clock(route_to_utc, zone)
        )
    end as explanation

from asked
join judged using (tenant_id, line)
left join known using (tenant_id, line)
anti join out_of_service using (tenant_id, line)
where not is_inside
    and has_hours
    and (route_count > 0 or coalesce(is_plan_known, false))
