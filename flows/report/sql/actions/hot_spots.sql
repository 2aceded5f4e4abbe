-- Where vans idled long again and again: cells of a grid of 250 m, and depots as a whole.
--
-- Left out: waits in traffic, which nobody at the fleet can change; idling off duty; places that are not known or shown
-- exactly. A cell near a home says no place, whoever idled there; nor does one that a single van visits without a plan.

with

duty as (

    select
        vehicle_id,
        service_date,
        depot_id,
        scheduled_from_utc - to_minutes($slack_min::integer) as from_utc,
        scheduled_to_utc + to_minutes($slack_min::integer) as to_utc
    from marts.vehicle_days
    where tenant_id = $tenant_id and service_date between $first::date and $last::date

),

-- What the median stand of a kind idles is what can be expected of all of them.
usual as (

    select context, median(engine_on_s) as usual_s
    from (
        select
            unnest(case when kind in ('planned', 'unplanned') then ['hand_off', 'other'] else [kind] end) as context,
            engine_on_s
        from marts.stops
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
    )
    group by context

),

events as (

    select
        events.vehicle_id,
        events.service_date,
        events.started_utc,
        events.duration_s,
        events.context,
        duty.depot_id,
        coalesce(usual.usual_s, 0) as usual_s,
        greatest(0, duration_s - coalesce(usual.usual_s, 0)) as excess_s,
        events.fuel_l * excess_s / duration_s as excess_l,
        events.cost::double * excess_s / duration_s as excess_cost,
        events.currency,
        events.context = 'depot' and duty.depot_id is not null as is_depot,
        case when not is_depot then floor(latitude / $step_deg)::bigint end as row_no,
        case when not is_depot then
            floor(longitude * greatest(0.01, cos(radians((row_no + 0.5) * $step_deg))) / $step_deg)::bigint
        end as column_no
    from marts.idle_events as events
    join duty using (vehicle_id, service_date)
    left join usual using (context)
    where events.tenant_id = $tenant_id
        and events.service_date between $first::date and $last::date
        and events.context != 'traffic'
        and (events.place_precision_m = 0 or is_depot)
        and case
            when duty.from_utc is not null then events.started_utc >= duty.from_utc and events.started_utc < duty.to_utc
            else events.route_id is not null
        end

),

by_context as (

    select depot_id, row_no, column_no, context, sum(duration_s order by started_utc, vehicle_id) as context_s
    from (select * replace (case when is_depot then depot_id end as depot_id) from events)
    group by all

),

by_vehicle as (

    select
        case when is_depot then depot_id end as depot_id,
        row_no,
        column_no,
        vehicle_id,
        count(*) as event_count
    from events
    group by all

),

spots as (

    select
        case when is_depot then depot_id end as depot_id,
        row_no,
        column_no,
        count(*) as event_count,
        count(distinct service_date) as day_count,
        count(distinct vehicle_id) as vehicle_count,
        sum(duration_s order by started_utc, vehicle_id) as idle_s,
        sum(excess_s order by started_utc, vehicle_id) as excess_s,
        sum(excess_l order by started_utc, vehicle_id) as excess_l,
        sum(excess_cost order by started_utc, vehicle_id) as excess_cost,
        count(excess_cost) as priced_count,
        max(currency) as currency,
        list(epoch_us(started_utc) order by started_utc, vehicle_id) as started_us,
        (row_no + 0.5) * $step_deg as latitude,
        (column_no + 0.5) * $step_deg / greatest(0.01, cos(radians((row_no + 0.5) * $step_deg))) as longitude
    from events
    group by all
    having event_count >= $least_events and day_count >= $least_days

),

-- Where vans of the tenant stood overnight away from a depot, lately: middles of cells of 1 km.
homes as (

    select
        home.latitude as latitude,
        home.longitude as longitude,
        count(distinct service_date) as night_count,
        list(distinct vehicle_id order by vehicle_id) as vehicle_ids
    from (
        select vehicle_id, service_date, unnest(homes) as home
        from core.place_guards
        where tenant_id = $tenant_id and service_date between $first::date - $home_days::integer and $last::date
    )
    group by all

),

-- Of a van that idled there one night is enough, of others two: the last fix of a tracker that fell silent is no home.
at_home as (

    select distinct row_no, column_no
    from spots
    join homes
        on homes.latitude between spots.latitude - $guard_m / 111195 and spots.latitude + $guard_m / 111195
        and 111195 * sqrt(
            (spots.latitude - homes.latitude) ** 2
            + ((spots.longitude - homes.longitude) * cos(radians(spots.latitude))) ** 2
        ) < $guard_m
    where spots.depot_id is null
        and (
            homes.night_count >= 2
            or exists (
                from by_vehicle
                where by_vehicle.row_no = spots.row_no
                    and by_vehicle.column_no = spots.column_no
                    and list_contains(homes.vehicle_ids, by_vehicle.vehicle_id)
            )
        )

),

planned as (

    select distinct
        floor(latitude / $step_deg)::bigint as row_no,
        floor(longitude * greatest(0.01, cos(radians((row_no + 0.5) * $step_deg))) / $step_deg)::bigint as column_no
    from marts.planned_stops
    where tenant_id = $tenant_id and service_date between $first::date and $last::date

),

described as (

    select
        spots.*,
        vans.vehicles,
        contexts.contexts,
        case
            when spots.depot_id is not null then null
            when (spots.row_no, spots.column_no) in (select (row_no, column_no) from at_home) then 'home'
            when vehicle_count = 1
                and not list_contains(contexts.contexts, 'fuel_site')
                and (spots.row_no, spots.column_no) not in (select (row_no, column_no) from planned)
                then 'one_van'
        end as hidden
    from spots
    join (
        select
            depot_id, row_no, column_no, list({'id': vehicle_id, 'n': event_count} order by event_count desc, vehicle_id) as vehicles
        from by_vehicle
        group by all
    ) as vans
        on vans.depot_id is not distinct from spots.depot_id
        and vans.row_no is not distinct from spots.row_no
        and vans.column_no is not distinct from spots.column_no
    join (
        select depot_id, row_no, column_no, list(context order by context_s desc, context) as contexts
        from by_context
        group by all
    ) as contexts
        on contexts.depot_id is not distinct from spots.depot_id
        and contexts.row_no is not distinct from spots.row_no
        and contexts.column_no is not distinct from spots.column_no
    order by excess_cost desc nulls last, excess_s desc, spots.row_no, spots.column_no, spots.depot_id
    limit $most

),

depots as (

    select depot_id, latitude, longitude, coalesce(radius_m, 150) as radius_m, timezone
    from core.depots_on($last::date)
    where tenant_id = $tenant_id

),

near_depot as (

    select
        row_no,
        column_no,
        depots.depot_id as near_depot_id,
        111195 * sqrt(
            (described.latitude - depots.latitude) ** 2
            + ((described.longitude - depots.longitude) * cos(radians(depots.latitude))) ** 2
        ) as depot_m,
        degrees(atan2(
            (described.longitude - depots.longitude) * cos(radians(depots.latitude)), described.latitude - depots.latitude
        )) as bearing_deg
    from described
    join depots on described.depot_id is null and depots.latitude is not null
    qualify row_number() over (partition by row_no, column_no order by depot_m, depots.depot_id) = 1

),

sites as (

    select name, latitude, longitude from core.stations_on($last::date) where name is not null
    union
    select coalesce(station_name, site_name) as name, site_latitude, site_longitude
    from marts.fuel_purchases
    where tenant_id = $tenant_id
        and service_date between $first::date - 28 and $last::date
        and site_latitude is not null
        and geo_quality is distinct from 'city'
        and name is not null

),

near_site as (

    select
        row_no,
        column_no,
        sites.name as site_name
    from described
    join sites
        on described.depot_id is null
        and sites.latitude between described.latitude - 0.003 and described.latitude + 0.003
        and sites.longitude between described.longitude - 0.01 and described.longitude + 0.01
    where 111195 * sqrt(
        (described.latitude - sites.latitude) ** 2
        + ((described.longitude - sites.longitude) * cos(radians(sites.latitude))) ** 2
    ) <= $cell_m
    qualify row_number() over (
        partition by row_no, column_no
        order by abs(described.latitude - sites.latitude) + abs(described.longitude - sites.longitude), sites.name
    ) = 1

)

select
    described.depot_id,
    case when hidden is null then round(described.latitude, 4) end as latitude,
    case when hidden is null then round(described.longitude, 4) end as longitude,
    case when hidden is null then site_name end as site_name,
    case when hidden is null then near_depot_id end as near_depot_id,
    case when hidden is null then depot_m end as depot_m,
    case when hidden is null then bearing_deg end as bearing_deg,
    hidden,
    contexts,
    case when hidden is null then [format('{} ({})', van.id, van.n) for van in vehicles] end as vehicles,
    vehicle_count,
    event_count,
    day_count,
    idle_s,
    excess_s,
    excess_l,
    case when priced_count = event_count then excess_cost end as excess_cost,
    currency,
    (select usual_s from usual where usual.context = contexts[1]) as usual_s,
    case when hidden is null then started_us else [] end as started_us,
    coalesce(depots.timezone, (
        select timezone
        from core.vehicle_dates
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
        group by timezone
        order by count(*) desc, timezone
        limit 1
    )) as timezone

from described
left join near_depot using (row_no, column_no)
left join near_site using (row_no, column_no)
left join depots on depots.depot_id = coalesce(described.depot_id, near_depot_id)
order by excess_cost desc nulls last, excess_s desc, described.row_no, described.column_no, described.depot_id
