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

around as (

    -- Of two dates before to two after. As five lookups, as to put five long texts a line in order takes longer.
    select
        asked.* exclude (about_date),
        md5(nullif(concat_ws(
            ';',
            about_date - 2 || '=' || a.vans,
            about_date - 1 || '=' || b.vans,
            about_date || '=' || c.vans,
            about_date + 1 || '=' || d.vans,
            about_date + 2 || '=' || e.vans
        ), '')) as revisions
    from (select *, coalesce(at_utc, day_from_utc)::date as about_date from asked) as asked
    left join revised as a on a.tenant_id = asked.tenant_id and a.service_date = about_date - 2
    left join revised as b on b.tenant_id = asked.tenant_id and b.service_date = about_date - 1
    left join revised as c on c.tenant_id = asked.tenant_id and c.service_date = about_date
    left join revised as d on d.tenant_id = asked.tenant_id and d.service_date = about_date + 1
    left join revised as e on e.tenant_id = asked.tenant_id and e.service_date = about_date + 2

)

select
    * exclude (revisions),
    md5(concat_ws(
        '|', at_utc, at_utc_alternative, latitude, longitude, vehicle_id, tank_l, day_from_utc, day_to_utc,
        coalesce(revisions, '')
    )) as inputs
from around
