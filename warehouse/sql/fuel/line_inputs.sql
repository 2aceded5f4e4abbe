-- What the presence of vans at each line is measured from, as a digest: the time, the place and the van of the line, and
-- the revisions of the tenant's vehicle-dates around it. {lines} are rows of core.fuel_lines, {revisions} of
-- core.revisions.

with

latest as (

    select tenant_id, service_date, vehicle_id, max(revision) as revision
    from {revisions}
    group by all

),

revised as (

    select
        tenant_id,
        service_date,
        string_agg(vehicle_id || ':' || revision, ',' order by vehicle_id) as vans
    from latest
    group by all

),

asked as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        at_utc,
        at_utc_alternative,
        case when geo_quality != 'city' then site_latitude end as latitude,
        case when geo_quality != 'city' then site_longitude end as longitude,
        vehicle_id,
        service_date,
        tank_l,
        fuel_day_start(service_date, coalesce(zone, '{timezone}')) as day_from_utc,
        fuel_day_start(service_date + 1, coalesce(zone, '{timezone}')) as day_to_utc
    from {lines}
    where coalesce(line_kind, '') not in ('void', 'credit')
        and (at_utc is not null or from_utc is not null)

),

dates as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        unnest(generate_series(coalesce(at_utc, day_from_utc)::date - 2, coalesce(at_utc, day_from_utc)::date + 2, interval 1 day))::date
            as service_date
    from asked

),

around as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        md5(string_agg(service_date || '=' || vans, ';' order by service_date)) as revisions
    from dates
    join revised using (tenant_id, service_date)
    group by all

)

select
    asked.*,
    md5(concat_ws(
        '|', at_utc, at_utc_alternative, latitude, longitude, vehicle_id, tank_l, day_from_utc, day_to_utc,
        coalesce(revisions, '')
    )) as inputs
from asked
left join around using (tenant_id, provider, provider_txn_id, item_no)
