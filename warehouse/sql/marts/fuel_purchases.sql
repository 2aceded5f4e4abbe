-- marts.fuel_purchases: the current version of every line of a fuel-card transaction.
--
-- Versions are ordered by the provider's sequence where it has one, else by what they are (authorised, reversed or
-- declined, cleared, posted, adjusted), then by posting date, then by content hash; when they arrived decides nothing.

with

ranked as (

    select
        *,
        count(*) over line as version_count,
        row_number() over (
            line order by
                try_cast(seq as bigint) desc nulls last,
                case event_type
                    when 'auth' then 1 when 'auth_reversal' then 2 when 'decline' then 2
                    when 'clear' then 3 when 'post' then 4 else 5
                end desc,
                posted_date desc nulls last,
                content_hash desc
        ) as version_rank
    from lake.purchases
    window line as (partition by tenant_id, provider, provider_txn_id, item_no)

),

current_version as (

    select
        *,
        coalesce(ts_utc, local_time, posted_date::timestamp) as about_utc
    from (
        select
            *,
            case
                when try_cast(ts_local as timestamp) between timestamp '2000-01-01' and timestamp '2100-01-01'
                then try_cast(ts_local as timestamp)
            end as local_time,
            case when tz in (select name from pg_timezone_names()) then tz else '{timezone}' end as local_zone
        from ranked
    )
    where version_rank = 1

),

resolved as (

    select
        purchases.*,
        case when cards.to_utc > purchases.about_utc then cards.vehicle_id end as card_vehicle_id,
        registered.vehicle_id as typed_vehicle_id
    from current_version as purchases
    asof left join (from core.assignments where kind = 'card') as cards
        on purchases.tenant_id = cards.tenant_id
        and purchases.card_id = cards.id
        and purchases.about_utc >= cards.from_utc
    left join (select distinct tenant_id, vehicle_id from core.vehicles) as registered
        on purchases.tenant_id = registered.tenant_id
        and purchases.vehicle_ref = registered.vehicle_id

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    event_type,
    seq,
    version_count,
    coalesce(
        cast(local_time as date),
        cast((ts_utc at time zone 'UTC') at time zone local_zone as date),
        posted_date
    ) as service_date,
    ts_utc,
    ts_local,
    tz,
    ts_quality,
    posted_date,
    coalesce(card_vehicle_id, typed_vehicle_id) as vehicle_id,
    case
        when card_vehicle_id is not null then 'card'
        when typed_vehicle_id is not null then 'vehicle_ref'
    end as match_method,
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
    case lower(unit)
        when 'gal' then quantity::double * core.litres_per_gallon()
        when 'us_gal' then quantity::double * core.litres_per_gallon()
        when 'us gal' then quantity::double * core.litres_per_gallon()
        when 'imp_gal' then quantity::double * 4.54609
        when 'imp gal' then quantity::double * 4.54609
        when 'l' then quantity
    end as quantity_l,
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
    'unverifiable' as match_state,
    null::double as match_distance_m,
    null::double as match_offset_s,
    list_sort(list_distinct(list_filter([
        case when card_vehicle_id is null and typed_vehicle_id is null then 'vehicle_unknown' end,
        case when ts_utc is null then 'time_unknown' end,
        case
            when abs(quantity::double * unit_price::double - gross::double) > 0.02 + 0.005 * abs(gross::double)
            then 'arithmetic'
        end
    ] || string_split(coalesce(flags, ''), ','), lambda flag: flag != ''))) as quality_flags

from resolved
