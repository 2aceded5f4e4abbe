-- How full were the vans, and did they burn what was to be expected?
--
-- Nobody weighs a van: its load is the packages that were planned for a route, as it leaves, against what the van holds.

-- Routes with more planned packages than a share of the van's capacity; without a date the last one of each tenant that
-- has loads.
create or replace macro marts.high_load(day := null, above := 0.9) as table
select
    tenant_id,
    service_date,
    route_id,
    vehicle_id,
    planned_package_count,
    package_capacity,
    capacity_utilization as load_share
from marts.route_days
where capacity_utilization > above and (
    service_date = day
    or (day is null and (tenant_id, service_date) in (
        select (tenant_id, max(service_date))
        from marts.route_days
        where capacity_utilization is not null
        group by tenant_id
    ))
);

-- Average load by the size of the van: over routes, and over the time they took, so that an hour counts as an hour.
create or replace macro marts.average_load(from_day, to_day) as table
select
    tenant_id,
    package_capacity,
    count(distinct vehicle_id) as vehicle_count,
    count(*) as route_days,
    sum(planned_package_count)::bigint as planned_package_count,
    sum(planned_package_count) / nullif(sum(package_capacity), 0) as load_share,
    sum(planned_package_count * route_time_s order by service_date, route_id, vehicle_id)
    / nullif(
        sum(package_capacity * route_time_s order by service_date, route_id, vehicle_id), 0
    ) as timed_load_share,
    count(route_time_s) as timed_route_days
from marts.route_days
where service_date between from_day and to_day and capacity_utilization is not null
group by tenant_id, package_capacity;

-- What each van burnt for its metres against what was to be expected: what the vehicles' file says (column
-- rated_l_per_100km), else its own rate of the 28 dates before, else that of the other vans of its tenant and fuel over
-- the same dates. Litres of counters and of gauges are never compared with each other.
create or replace macro marts.fuel_against_projection(from_day, to_day) as table
with

burnt as (

    select
        tenant_id,
        vehicle_id,
        totals.fuel_used_source,
        totals.metered_distance_m as distance_m,
        totals.fuel_used_l as litres,
        core.known_fuel(vehicles.fuel_type) as fuel,
        try_cast(vehicles.extra ->> 'rated_l_per_100km' as double) as rated_l_per_100km
    from core.vehicle_totals(from_day::date, to_day::date) as totals
    left join core.vehicles_on(to_day::date) as vehicles using (tenant_id, vehicle_id)
    where totals.fuel_used_source != 'none' and totals.metered_distance_m > 0

),

before as (

    select
        tenant_id,
        vehicle_id,
        fuel_used_source,
        metered_distance_m as own_m,
        fuel_used_l as own_l
    from core.vehicle_totals(from_day::date - core.learning_days()::int, from_day::date - 1)
    where metered_distance_m > 0

),

compared as (

    select
        burnt.*,
        before.* exclude (tenant_id, vehicle_id, fuel_used_source),
        sum(distance_m order by vehicle_id) over peers - distance_m as peers_m,
        sum(litres order by vehicle_id) over peers - litres as peers_l
    from burnt
    left join before using (tenant_id, vehicle_id, fuel_used_source)
    window peers as (partition by tenant_id, fuel, fuel_used_source)

),

projected as (

    select
        *,
        case
            when rated_l_per_100km is not null then 'rated'
            when own_m is not null then 'own'
            when fuel is not null and peers_m > 0 then 'peers'
            else 'none'
        end as projection_source,
        case projection_source when 'own' then own_m when 'peers' then peers_m end as projection_distance_m,
        case projection_source
            when 'rated' then rated_l_per_100km
            when 'own' then own_l / own_m * 1e5
            when 'peers' then peers_l / peers_m * 1e5
        end as projected_l_per_100km
    from compared

)

select
    tenant_id,
    vehicle_id,
    fuel_used_source,
    distance_m,
    litres,
    litres / distance_m * 1e5 as l_per_100km,
    projected_l_per_100km,
    projection_source,
    projection_distance_m,
    projected_l_per_100km * distance_m / 1e5 as projected_l,
    litres - projected_l as above_projection_l
from projected;
