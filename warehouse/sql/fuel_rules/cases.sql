-- fuel_cases: one row per line of a purchase, with all that the rules ask of it. Of a doubled hour the candidate that
-- speaks best for the van is taken. Windows are over the few columns they need: to sort all of them takes longer.

with

presence as (

    select
        *,
        min(fix_count_15) over line as fewest_fixes_15
    from core.fuel_presence
    where is_assigned
    window line as (partition by tenant_id, provider, provider_txn_id, item_no)

),

bought as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        line_kind,
        card_id,
        at_utc,
        coalesce(product, product_raw) as product,
        quantity,
        provider || '/' || provider_txn_id || '/' || item_no as line,
        coalesce(net, gross) as amount,
        coalesce(site_id, station_id, nullif(concat_ws('/', lower(site_name), postcode, lower(city)), '')) as site
    from core.fuel_lines

),

ranked as (

    -- Among the lines of its transaction, and among those that say the same.
    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        line,
        amount,
        site,
        row_number() over (
            partition by tenant_id, provider, provider_txn_id
            order by
                case
                    when line_kind in ('fill', 'charge', 'pending') then 0
                    when line_kind = 'non_fuel' then 1
                    else 2
                end,
                item_no
        ) as rank_in_txn,
        first_value(line) over (
            partition by
                tenant_id, line_kind in ('fill', 'charge'), card_id, date_trunc('minute', at_utc), site, product,
                quantity, amount
            order by provider, provider_txn_id, item_no
        ) as first_alike
    from bought

),

best as (

    select presence.tenant_id, presence.provider, presence.provider_txn_id, presence.item_no, presence.candidate
    from presence
    left join marts.fuel_purchases as purchases using (tenant_id, provider, provider_txn_id, item_no)
    qualify row_number() over (
        partition by presence.tenant_id, presence.provider, presence.provider_txn_id, presence.item_no
        order by
            presence.candidate is not distinct from purchases.match_candidate desc,
            presence.nearest_15_m nulls last,
            presence.nearest_60_m nulls last,
            presence.candidate
    ) = 1

),

joined as (

    select
        lines.* replace (lines.price_per_l::double as price_per_l),
        ranked.* exclude (tenant_id, provider, provider_txn_id, item_no),
        purchases.match_state,
        purchases.match_distance_m,
        purchases.match_offset_s,
        purchases.time_shift_h,
        purchases.odometer_valid,
        purchases.odometer_reason,
        presence.fix_count_60,
        presence.fix_count_15,
        presence.fix_count_3,
        presence.fewest_fixes_15,
        presence.nearest_15_m,
        presence.nearest_60_m,
        presence.nearest_offset_s,
        presence.day_nearest_m,
        presence.day_fix_count,
        presence.min_speed_3_kmh,
        presence.engine_on_site_s,
        presence.level_before_pct,
        presence.level_before_age_s,
        presence.level_after_pct,
        presence.level_after_age_s,
        presence.level_count_day,
        presence.level_span_day_pct,
        presence.odometer_m
    from core.fuel_lines as lines
    join ranked using (tenant_id, provider, provider_txn_id, item_no)
    left join marts.fuel_purchases as purchases using (tenant_id, provider, provider_txn_id, item_no)
    left join (
        from presence semi join best using (tenant_id, provider, provider_txn_id, item_no, candidate)
    ) as presence using (tenant_id, provider, provider_txn_id, item_no)

),

described as (

    select
        *,
        lower(coalesce(unit, '')) in ('gal', 'us_gal', 'us gal', 'ga', 'usg', 'gallon', 'gallons')
            or (lower(coalesce(unit, '')) not in ('l', 'lt', 'ltr', 'litre', 'liter', 'litres', 'liters')
                and coalesce(currency = 'USD', false)) as is_us,
        try_cast(json_extract_string(vehicle_options, '$.tank2_l') as double) as tank2_l,
        is_yes(json_extract_string(vehicle_options, '$.canisters_allowed')) as may_fill_canisters,
        is_yes(json_extract_string(vehicle_options, '$.premium_allowed')) as may_buy_premium,
        is_yes(json_extract_string(vehicle_options, '$.off_hours_allowed')) as may_buy_off_hours,
        string_split_regex(
            lower(coalesce(json_extract_string(vehicle_options, '$.allowed_products'), '')), '[;,|\s]+'
        ) as allowed_products,
        try_cast(json_extract_string(card_options, '$.limit_gal') as double) * core.litres_per_gallon() as limit_l,
        try_cast(json_extract_string(card_options, '$.limit_amount') as double) as limit_amount,
        -- A clock that is off by whole hours is put right; a date alone is no time.
        case when ts_quality is distinct from 'date_only' then at_utc + to_hours(coalesce(time_shift_h, 0)) end as near_utc
    from joined

),

marked as (

    select
        *,
        line_kind in ('fill', 'charge', 'pending') as is_placed,
        fuel_family is null or fuel_family in ('gasoline', 'diesel', 'e85') as is_tank_fuel,
        nullif(tank_l, 0) + coalesce(tank2_l, 0) as capacity_l,
        coalesce('vehicle ' || vehicle_id, 'card ' || card_id) as subject,
        coalesce('van ' || vehicle_id, 'the van') as van,
        coalesce(nullif(site_name, ''), station_name, 'the station') as site_words,
        coalesce(fuel_clock(at_utc, zone), service_date::varchar, 'an unknown time') as clock,
        rank_in_txn = 1 and line_kind in ('fill', 'charge', 'pending', 'non_fuel') as is_lead,
        case
            when line_kind in ('fill', 'charge') and near_utc is not null and site is not null and card_id is not null
                and quantity is not null and amount is not null
            then first_alike
        end as first_line
    from described

)

select
    *,
    split_part(first_line, '/', 1) is not null
        and first_line != line
        and not starts_with(line, regexp_replace(first_line, '/\d+$', '') || '/') as is_duplicate,
    line_kind = 'fill' and is_tank_fuel and not coalesce(is_duplicate, false) as is_fill

from marked
