-- fuel_times: when each line of fuel_versions was bought, as an instant, as two in a doubled hour, or as a local day.
--
-- The zone of a local time is the one the record names, that of the site's place, that of its state (or postcode in a
-- state with several), that of the provider, in this order. Without any the time is not known.

create or replace temp table fuel_times as

with

read as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        ts_utc,
        lower(ts_quality) as declared,
        trim(ts_local) as text,
        regexp_full_match(text, '\d{4}-\d{2}-\d{2}') as is_date,
        regexp_matches(text, '[T ]\d{2}:?\d{2}.*([zZ]|[+-]\d{2}(:?\d{2})?)$') as has_offset,
        case
            when try_cast(text as timestamp) between timestamp '2000-01-01' and timestamp '2100-01-01'
            then try_cast(regexp_extract(text, '^[\d-]{10}([T ][\d:.]+)?') as timestamp)
        end as cut_time,
        case when not has_offset then cut_time end as local_time,
        case when has_offset then try_cast(text as timestamptz) at time zone 'UTC' end as offset_utc,
        case
            when named.name is not null then 'offset'
            when placed.zone is not null then 'site'
            when states.zone is not null then 'state'
            when own.name is not null then 'provider'
            else 'none'
        end as zone_source,
        coalesce(named.name, placed.zone, states.zone, own.name) as zone
    from fuel_versions as versions
    left join fuel_zone_names as named on versions.tz = named.name
    left join fuel_site_zones as placed using (site_key)
    left join fuel_state_zones as states
        on upper(trim(versions.state)) = states.state
        and coalesce(left(trim(versions.postcode), 3), '') between states.postcode_from and states.postcode_to
    left join fuel_zone_names as own on versions.provider_tz = own.name

),

-- What the local time may be; an instant that the provider made of a local time is worth no more than that.
dated as (

    select
        *,
        declared = 'date_only' or is_date and ts_utc is null as is_date_only,
        case when zone is not null then fuel_instants(local_time, zone) end as instants,
        case
            when is_date_only is not true and ts_utc is not null
            and (declared is distinct from 'site_local' or local_time is null) then 'given'
            when is_date_only is not true and offset_utc is not null then 'offset'
            when is_date_only is not true and local_time is not null and zone is not null then 'local'
            when is_date_only is not true and ts_utc is not null then 'given'
            else 'none'
        end as kind
    from read

),

timed as (

    select
        *,
        kind = 'local' and len(instants) = 0 as is_missing_hour,
        case kind
            when 'given' then ts_utc
            when 'offset' then offset_utc
            when 'local' then coalesce(instants[1], fuel_moved_forward(local_time, zone))
        end as at_utc,
        case when kind = 'local' and len(instants) > 1 then instants[2] end as at_utc_alternative,
        case
            when is_date_only then coalesce(
                local_time::date, cut_time::date,
                case
                    when ts_utc::time = time '00:00' or zone is null then ts_utc::date
                    else fuel_local(ts_utc, zone)::date
                end
            )
            when is_missing_hour then local_time::date
        end as only_date
    from dated

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    at_utc,
    at_utc_alternative,
    case
        when only_date is not null then 'date_only'
        when kind = 'given' and declared in ('offset', 'site_local') then declared
        when kind = 'given' then 'exact'
        when kind = 'offset' then 'offset'
        when kind = 'local' then 'site_local'
    end as ts_quality,
    case
        when kind = 'given' and declared = 'site_local' then 'provider'
        when kind in ('given', 'offset') then 'offset'
        when kind = 'local' or only_date is not null then zone_source
        else 'none'
    end as time_source,
    zone,
    case when zone is not null then fuel_day_start(only_date, zone) end as from_utc,
    case when zone is not null then fuel_day_start(only_date + 1, zone) end as to_utc,
    is_missing_hour,
    local_time,
    coalesce(
        only_date, local_time::date, fuel_local(at_utc, zone)::date, cut_time::date,
        fuel_local(at_utc, '{timezone}')::date
    ) as local_date

from timed
