-- core.fuel_lines: the current version of every line of a fuel-card transaction, with time, site, van and driver.

with

placed as (

    select
        versions.* exclude (ts_utc, ts_quality, site_latitude, site_longitude, geo_quality),
        times.* exclude (tenant_id, provider, provider_txn_id, item_no),
        versions.ts_utc,
        sites.* exclude (site_key, station_timezone),
        coalesce(local_date, posted_date) as service_date,
        -- For looking up who had the card: noon of a day, and local time where its zone is not known.
        coalesce(at_utc, from_utc + interval 12 hour, local_time, local_date::timestamp, posted_date::timestamp)
            as about_utc
    from fuel_versions as versions
    join fuel_times as times using (tenant_id, provider, provider_txn_id, item_no)
    join fuel_sites as sites using (site_key)

),

-- A typed reference may have lost the leading zeros of the van's id.
van_names as (

    select tenant_id, name, any_value(vehicle_id) as vehicle_id
    from (
        select distinct tenant_id, vehicle_id, unnest([vehicle_id, ltrim(vehicle_id, '0')]) as name from core.vehicles
    )
    group by all
    having count(distinct vehicle_id) = 1

),

listed as (

    select tenant_id, bool_or(kind = 'card') as has_cards, bool_or(kind = 'driver') as has_drivers, false as has_vehicles
    from core.assignments group by all
    union all
    select tenant_id, true, false, false from core.cards group by all
    union all
    select tenant_id, false, true, false from core.drivers group by all
    union all
    select tenant_id, false, false, true from core.vehicles group by all

),

lists as (

    select
        tenant_id,
        bool_or(has_cards) as has_cards,
        bool_or(has_drivers) as has_drivers,
        bool_or(has_vehicles) as has_vehicles
    from listed
    group by all

),

resolved as (

    select
        placed.*,
        case when cards.to_utc > about_utc then cards.vehicle_id end as card_vehicle_id,
        case when cards.to_utc > about_utc then cards.extra end as card_options,
        van_names.vehicle_id as typed_vehicle_id,
        coalesce(card_vehicle_id, typed_vehicle_id) as vehicle_id,
        cards_listed.card_id is not null as is_card_listed,
        coalesce(drivers.driver_id, drivers_assigned.id) as driver_id,
        lists.has_cards,
        lists.has_drivers,
        lists.has_vehicles
    from placed
    asof left join (from core.assignments where kind = 'card') as cards
        on placed.tenant_id = cards.tenant_id
        and placed.card_id = cards.id
        and placed.about_utc >= cards.from_utc
    left join van_names
        on placed.tenant_id = van_names.tenant_id
        and coalesce(nullif(ltrim(placed.vehicle_ref, '0'), ''), placed.vehicle_ref) = van_names.name
    left join staging.card_ranges as cards_listed
        on placed.tenant_id = cards_listed.tenant_id
        and placed.card_id = cards_listed.card_id
        and coalesce(placed.service_date >= cards_listed.from_date and placed.service_date < cards_listed.to_date, true)
    left join staging.driver_ranges as drivers
        on placed.tenant_id = drivers.tenant_id
        and placed.driver_ref = drivers.driver_id
        and coalesce(placed.service_date >= drivers.from_date and placed.service_date < drivers.to_date, true)
    left join (select distinct tenant_id, id from core.assignments where kind = 'driver') as drivers_assigned
        on placed.tenant_id = drivers_assigned.tenant_id
        and placed.driver_ref = drivers_assigned.id
    left join lists on placed.tenant_id = lists.tenant_id

),

-- The vehicle's row of that date.
vans as (

    select
        resolved.*,
        vehicles.fuel_type as vehicle_fuel_type,
        vehicles.tank_l,
        vehicles.extra as vehicle_options
    from resolved
    left join staging.vehicle_ranges as vehicles
        on resolved.tenant_id = vehicles.tenant_id
        and resolved.vehicle_id = vehicles.vehicle_id
        and resolved.service_date >= vehicles.from_date
        and resolved.service_date < vehicles.to_date
    -- Without a date every row of a card or driver will do, and one is enough.
    qualify row_number() over (
        partition by resolved.tenant_id, resolved.provider, resolved.provider_txn_id, resolved.item_no
    ) = 1

),

measured as (

    select
        *,
        lower(trim(unit)) as plain_unit,
        case
            when plain_unit in ('gal', 'us_gal', 'us gal', 'ga', 'gallon', 'gallons') then core.litres_per_gallon()
            when plain_unit in ('imp_gal', 'imp gal') then 4.54609
            when plain_unit in ('l', 'litre', 'liter', 'litres', 'liters') then 1.0
        end as litres_per_unit,
        plain_unit in ('kwh', 'kilowatt_hour', 'charging_minute', 'charging minute') as is_charge_unit,
        lower(product) as plain_product,
        coalesce(product_family, case
            when is_charge_unit or plain_product like 'electric%' then 'electricity'
            when plain_product = 'e85' then 'e85'
            when plain_product like 'gasoline%' then 'gasoline'
            when plain_product like '%diesel%' or plain_product like 'ulsd%' then 'diesel'
            when plain_product in ('cng', 'lpg', 'lng', 'def') then plain_product
            when plain_product in ('misc_fuel', 'm85', 'hydrogen') then 'other'
        end) as fuel_family,
        -- What is sold by volume and nobody named is taken for fuel.
        coalesce(is_fuel, fuel_family != 'def', product is null and litres_per_unit is not null) as is_motor_fuel,
        coalesce(net, gross) < 0 or quantity < 0 as is_negative
    from vans

)

select
    *,
    is_missing_hour as is_time_moved,
    event_type in ('clear', 'post', 'adjust') as is_final,
    event_type = 'auth_reversal' or coalesce(event_type = 'adjust' and returned_quantity >= record_quantity, false)
        as is_reversed,
    case
        when is_reversed then 'void'
        when event_type = 'decline' then 'decline'
        when event_type = 'auth' then 'pending'
        when event_type = 'adjust' and (not has_purchase or record_no is null and is_negative) then 'credit'
        when is_negative then 'credit'
        when fuel_family = 'electricity' then 'charge'
        when is_motor_fuel and quantity > 0 then 'fill'
        when product is not null and not is_motor_fuel then 'non_fuel'
    end as line_kind,
    (quantity::double * litres_per_unit) as quantity_l,
    (unit_price::double / litres_per_unit)::decimal(18, 6) as price_per_l,
    case
        when card_vehicle_id is not null then 'card'
        when typed_vehicle_id is not null then 'vehicle_ref'
    end as match_method,
    case
        when has_cards and card_id is not null and about_utc is not null
        then card_vehicle_id is not null or is_card_listed
    end as is_card_known,
    case when has_vehicles and vehicle_ref is not null then typed_vehicle_id is not null end as is_vehicle_known,
    case when has_drivers and driver_ref is not null then driver_id is not null end as is_driver_known

from measured
