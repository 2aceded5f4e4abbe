-- Fuel economy over a period, both days included: by van, route and driver, and by the source of the litres.
--
--     select * from marts.fuel_economy(date '2026-02-01', date '2026-02-28')
--
-- Sums over sums; litres of a counter, a gauge and cards are never in one ratio, and metres are those driven while the
-- litres were burnt. What the cards of a van bought stands beside, and is never added to what it burnt.
create or replace macro marts.fuel_economy(from_day, to_day) as table
with

burnt as (

    select
        'van' as subject,
        tenant_id,
        vehicle_id as subject_id,
        service_date,
        vehicle_id || '/' as part,
        fuel_used_source as source,
        fuel_used_l as litres,
        fuel_distance_m,
        distance_m,
        fuel_used_sigma_l as sigma_l,
        fuel_cost,
        currency,
        co2_kg,
        co2_factor_set
    from marts.vehicle_days
    where service_date between from_day and to_day and not core.is_electric(fuel_type)
    union all by name
    select
        case when driver is null then 'route' else 'driver' end as subject,
        tenant_id,
        coalesce(driver, route_id) as subject_id,
        service_date,
        vehicle_id || '/' || route_id as part,
        fuel_used_source as source,
        fuel_used_l as litres,
        fuel_distance_m,
        distance_m,
        fuel_used_sigma_l as sigma_l,
        fuel_cost,
        currency,
        co2_kg,
        co2_factor_set
    from marts.route_days
    cross join lateral (
        select unnest(case when driver_id is null then [null] else [null, driver_id] end) as driver
    )
    where service_date between from_day and to_day and energy_used_kwh is null

),

driven as (

    select subject, tenant_id, subject_id, sum(distance_m order by service_date, part) as driven_m
    from burnt
    group by all

),

summed as (

    select
        subject,
        tenant_id,
        subject_id,
        source,
        sum(litres order by service_date, part) as litres,
        sum(fuel_distance_m order by service_date, part) as distance_m,
        sqrt(sum(sigma_l * sigma_l order by service_date, part)) as sigma_l,
        sum(fuel_cost order by service_date, part) as fuel_cost,
        max(currency) as currency,
        sum(co2_kg order by service_date, part) as co2_kg,
        string_agg(distinct co2_factor_set, '; ' order by co2_factor_set) as co2_factor_set
    from burnt
    where source != 'none'
    group by subject, tenant_id, subject_id, source
    union all by name
    select
        'van' as subject,
        tenant_id,
        vehicle_id as subject_id,
        'card' as source,
        sum(litres order by to_utc, provider_txn_id, item_no) as litres,
        sum(distance_m order by to_utc, provider_txn_id, item_no) as distance_m
    from marts.fuel_intervals
    where service_date between from_day and to_day and len(quality_flags) = 0
    group by tenant_id, vehicle_id

),

cards as (

    select
        'van' as subject,
        tenant_id,
        vehicle_id as subject_id,
        sum(card_l order by service_date) as card_l,
        case when count(distinct currency) = 1 and count(card_cost) = count(*) then sum(card_cost) end as card_cost,
        case when count(distinct currency) = 1 then max(currency) end as card_currency
    from marts.card_days
    where service_date between from_day and to_day
    group by all

)

select
    subject,
    tenant_id,
    subject_id,
    source,
    litres,
    sigma_l,
    distance_m,
    driven_m,
    distance_m / nullif(driven_m, 0) as coverage,
    litres / nullif(distance_m, 0) * 1e5 as l_per_100km,
    235.214583 / nullif(l_per_100km, 0) as mpg,
    fuel_cost,
    currency,
    co2_kg,
    co2_factor_set,
    card_l,
    card_cost,
    card_currency
from summed
left join driven using (subject, tenant_id, subject_id)
left join cards using (subject, tenant_id, subject_id);
