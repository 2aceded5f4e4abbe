-- marts.fuel_purchases: the current version of every line of a fuel-card transaction, and whether its van was there.
--
-- match       the van was within 250 m of the site within 15 min of the purchase
-- probable    within 805 m within 60 min
-- mismatch    it was heard in those 15 min, at every instant the purchase may have been made at, and was neither
-- unverifiable  all else: no fixes, no van, no place or time that is sure enough; a silence in which the van could have
--             been there; a time that looks wrong by whole hours
--
-- A record of a date alone is compared with all fixes of the local day and is never a mismatch.

with

-- Of the instants of a doubled hour the one at which the van was nearer.
assigned as (

    select
        *,
        min(fix_count_15) over line as least_fix_count_15,
        bool_or(could_be_unseen) over line as could_be_unseen_once
    from core.fuel_presence
    where is_assigned
    window line as (partition by tenant_id, provider, provider_txn_id, item_no)
    qualify row_number() over (
        partition by tenant_id, provider, provider_txn_id, item_no
        order by
            nearest_15_m <= 250 desc nulls last,
            nearest_60_m <= 805 desc nulls last,
            coalesce(nearest_15_m, nearest_60_m) nulls last,
            candidate
    ) = 1

),

others as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        to_json(list(
            {'vehicle_id': vehicle_id, 'distance_m': round(nearest_60_m, 1), 'offset_s': nearest_offset_s}
            order by nearest_60_m, vehicle_id
        )) as other_vehicles
    from (
        from core.fuel_presence
        where not is_assigned
        qualify row_number() over (
            partition by tenant_id, provider, provider_txn_id, item_no, vehicle_id order by nearest_60_m, candidate
        ) = 1
    )
    group by all

),

compared as (

    select
        lines.*,
        assigned.* exclude (tenant_id, provider, provider_txn_id, item_no, vehicle_id),
        others.other_vehicles,
        case candidate when 2 then at_utc_alternative else at_utc end as bought_utc
    from core.fuel_lines as lines
    left join assigned using (tenant_id, provider, provider_txn_id, item_no)
    left join others using (tenant_id, provider, provider_txn_id, item_no)

),

-- A shift explains nothing where another purchase of the van was made when it would move this one to.
shifted as (

    select compared.*,
        case
            when not exists (
                from compared as other
                where other.tenant_id = compared.tenant_id
                    and other.vehicle_id = compared.vehicle_id
                    and (other.provider, other.provider_txn_id) != (compared.provider, compared.provider_txn_id)
                    and (other.nearest_15_m <= 250)
                    and other.bought_utc between
                        compared.bought_utc + to_hours(compared.shift_h) - interval 20 minute
                        and compared.bought_utc + to_hours(compared.shift_h) + interval 20 minute
            ) then shift_h
        end as time_shift_h
    from compared

),

matched as (

    select
        *,
        case
            when line_kind in ('void', 'credit') then 'unverifiable'
            when nearest_15_m <= 250 then 'match'
            when ts_quality = 'date_only' and day_nearest_m <= 250 then 'match'
            when nearest_60_m <= 805 then 'probable'
            when ts_quality = 'date_only' and day_nearest_m <= 805 then 'probable'
            when ts_quality = 'date_only' or time_shift_h is not null then 'unverifiable'
            when nearest_15_m is not null and least_fix_count_15 > 0 and not could_be_unseen_once then 'mismatch'
            else 'unverifiable'
        end as match_state,
        case match_state
            when 'match' then case when nearest_15_m <= 250 then nearest_15_m else day_nearest_m end
            when 'probable' then case when nearest_60_m <= 805 then nearest_60_m else day_nearest_m end
            when 'mismatch' then nearest_60_m
        end as match_distance_m,
        case when match_distance_m = nearest_60_m then nearest_offset_s end as match_offset_s
    from shifted

),

-- What was typed is within 5 miles or half a percent of the vehicle's own reading.
readings as (

    select
        *,
        odometer_typed * case
            when lower(odometer_unit) like 'k%' then 1000
            when lower(odometer_unit) like 'mi%' or odometer_unit is null and currency = 'USD' then 1609.344
        end as typed_m,
        greatest(5 * 1609.344, 0.005 * odometer_m) as tolerance_m,
        abs(typed_m - odometer_m) <= tolerance_m as agrees,
        odometer_typed > 999 and replace(odometer_typed::varchar, left(odometer_typed::varchar, 1), '') = ''
            as repeats_a_digit
    from matched

),

judged as (

    select
        *,
        last_value(case
            when coalesce(agrees, odometer_typed > 0 and not repeats_a_digit) and line_kind in ('fill', 'charge')
            then typed_m
        end ignore nulls) over (
            partition by tenant_id, vehicle_id
            order by bought_utc, provider, provider_txn_id, item_no
            rows between unbounded preceding and 1 preceding
        ) as earlier_m,
        case
            when odometer_typed is null then null
            when odometer_typed = 0 then 'zero'
            when agrees then null
            when repeats_a_digit then 'repeated_digits'
            when abs(typed_m / 10 - odometer_m) <= tolerance_m or abs(typed_m * 10 - odometer_m) <= tolerance_m
                then 'digit_extra_or_missing'
            when typed_m < earlier_m - 5 * 1609.344 and vehicle_id is not null and bought_utc is not null then 'lower_than_previous'
            when not agrees then 'other'
        end as odometer_reason
    from readings

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    event_type,
    seq,
    version_count,
    service_date,
    bought_utc as ts_utc,
    ts_local,
    tz,
    ts_quality,
    posted_date,
    vehicle_id,
    match_method,
    card_id,
    card_last4,
    vehicle_ref,
    driver_ref,
    site_id,
    site_name,
    address,
    city,
    state,
    postcode,
    site_latitude,
    site_longitude,
    geo_quality,
    code_set,
    product_code,
    product_raw,
    product,
    quantity,
    unit,
    quantity_l,
    unit_price,
    gross,
    discount,
    tax,
    exempt_tax,
    fees,
    net,
    currency,
    odometer_typed,
    odometer_unit,
    service_type,
    auth_code,
    batch_id,
    source_file,
    source_row,
    match_state,
    match_distance_m,
    match_offset_s,
    list_sort(list_distinct(list_filter([
        case when vehicle_id is null then 'vehicle_unknown' end,
        case when bought_utc is null then 'time_unknown' end,
        case when at_utc_alternative is not null then 'time_doubled' end,
        case when is_time_moved then 'time_missing' end,
        case when time_shift_h is not null then 'time_shifted' end,
        case when is_order_unknown then 'order_unknown' end,
        case
            when abs(quantity::double * unit_price::double - gross::double) > 0.02 + 0.005 * abs(gross::double)
            then 'arithmetic'
        end
    ] || string_split(coalesce(flags, ''), ','), lambda flag: flag != ''))) as quality_flags,
    line_kind,
    fuel_family,
    price_per_l,
    first_event_type,
    is_final,
    case candidate when 2 then at_utc else at_utc_alternative end as at_utc_alternative,
    time_source,
    zone,
    site_source,
    station_id,
    station_name,
    driver_id,
    case when bought_utc is not null then coalesce(candidate, 1) end as match_candidate,
    coalesce(other_vehicles, '[]') as other_vehicles,
    time_shift_h,
    odometer_m,
    case when odometer_typed is not null and (odometer_reason is not null or agrees) then odometer_reason is null end
        as odometer_valid,
    odometer_reason

from judged
