-- For each fill of the period the station, of those the fleet itself bought at in the week before and after, that would
-- have been cheapest, the way there and back paid; one row for each.
--
-- On the way is what lies near any place of the van's day, or near the pump it went to. What was paid is the price less
-- the discount on the ticket.

with

fills as (

    select
        provider || '/' || provider_txn_id || '/' || item_no as line,
        vehicle_id,
        service_date,
        product,
        currency,
        quantity_l,
        coalesce((gross + coalesce(discount, 0))::double / nullif(quantity_l, 0), price_per_l::double) as paid_per_l,
        coalesce(station_id, site_id || '/' || site_name, site_name || '/' || coalesce(address, city, '')) as site,
        coalesce(station_name, site_name) as site_name,
        case when geo_quality is distinct from 'city' then site_latitude end as latitude,
        case when geo_quality is distinct from 'city' then site_longitude end as longitude,
        match_state
    from marts.fuel_purchases
    where tenant_id = $tenant_id
        and service_date between $first::date - $price_days::integer and $last::date + $price_days::integer
        and line_kind = 'fill'
        and quantity_l > 0
        and product is not null
        and currency is not null
        and site is not null
        and paid_per_l > 0

),

bought as (

    select *
    from fills
    where service_date between $first::date and $last::date and vehicle_id is not null and match_state != 'mismatch'

),

places as (

    select
        site,
        min_by(site_name, site_name) as name,
        min_by(latitude, (latitude, longitude)) as latitude,
        min_by(longitude, (latitude, longitude)) as longitude
    from fills
    where latitude is not null
    group by site

),

-- Places and stations meet in buckets that are wider than the detour (to 74 degrees of latitude): comparing each of
-- a fleet's places with each station takes minutes.
way as (

    select
        vehicle_id,
        service_date,
        latitude,
        longitude,
        floor(latitude / 0.015)::integer as row_no,
        floor(longitude / 0.05)::integer as column_no
    from (
        select vehicle_id, service_date, latitude, longitude
        from core.ledger
        where tenant_id = $tenant_id
            and service_date between $first::date and $last::date
            and place_precision_m = 0
        union all
        select vehicle_id, service_date, latitude, longitude from bought where latitude is not null
    )
    semi join bought using (vehicle_id, service_date)

),

around as (

    select
        *,
        floor(latitude / 0.015)::integer + unnest([-1, -1, -1, 0, 0, 0, 1, 1, 1]) as row_no,
        floor(longitude / 0.05)::integer + unnest([-1, 0, 1, -1, 0, 1, -1, 0, 1]) as column_no
    from places

),

passed as (

    select
        way.vehicle_id,
        way.service_date,
        around.site,
        min(111195 * sqrt(
            (way.latitude - around.latitude) ** 2
            + ((way.longitude - around.longitude) * cos(radians(around.latitude))) ** 2
        )) as off_m
    from way
    join around using (row_no, column_no)
    group by all
    having off_m <= $detour_m

),

offers as (

    select
        bought.line,
        passed.site as cheaper_site,
        passed.off_m,
        median(fills.paid_per_l) as cheaper_per_l,
        count(*) as price_count
    from bought
    join passed using (vehicle_id, service_date)
    join fills
        on fills.site = passed.site
        and fills.product = bought.product
        and fills.currency = bought.currency
        and fills.site != bought.site
        and fills.service_date
            between bought.service_date - $price_days::integer and bought.service_date + $price_days::integer
    group by bought.line, passed.site, passed.off_m, bought.paid_per_l
    having count(*) >= $least_prices and median(fills.paid_per_l) < bought.paid_per_l

),

economy as (

    select
        vehicle_id,
        sum(fuel_used_l order by service_date) / nullif(sum(fuel_distance_m order by service_date), 0) as l_per_m
    from marts.vehicle_days
    where tenant_id = $tenant_id
        and service_date between $last::date - 27 and $last::date
        and fuel_distance_m > 0
    group by vehicle_id

),

fleet as (

    select
        coalesce((select median(l_per_m) from economy), $l_per_m) as l_per_m,
        coalesce(
            (select max(wage_per_h)::double from core.depots_on($last::date) where tenant_id = $tenant_id), 0
        ) as wage_per_h

),

compared as (

    select
        bought.line,
        bought.vehicle_id,
        bought.service_date,
        bought.product,
        bought.currency,
        bought.quantity_l,
        bought.site_name,
        bought.paid_per_l,
        offers.cheaper_site,
        places.name as cheaper_name,
        offers.cheaper_per_l,
        offers.price_count,
        offers.off_m,
        2 * $road_factor * offers.off_m as detour_m,
        (bought.paid_per_l - offers.cheaper_per_l) * bought.quantity_l as cheaper_by,
        detour_m * coalesce(economy.l_per_m, fleet.l_per_m) * offers.cheaper_per_l as detour_fuel_cost,
        detour_m / $detour_m_per_s / 3600 * fleet.wage_per_h as detour_wage_cost,
        cheaper_by - detour_fuel_cost - detour_wage_cost as saving
    from bought
    join offers using (line)
    join places on places.site = offers.cheaper_site
    left join economy on economy.vehicle_id = bought.vehicle_id
    cross join fleet

)

select *
from compared
where saving > 0
qualify row_number() over (partition by line order by saving desc, cheaper_site) = 1
order by cheaper_site, service_date, line
