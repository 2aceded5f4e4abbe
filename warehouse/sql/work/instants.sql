-- The instants of the devices of `wanted` at which the van, depot, zone or service date of their fixes may change, each
-- with the next one: those of `work/borders.sql`, and the first of a local service date in any zone there is.

create or replace temp table instants as

with

zones as (

    select '{timezone}' as timezone
    union
    select timezone from staging.zone_spans where timezone is not null

),

-- Zones differ from UTC by whole quarters of an hour.
quarters as (

    select
        timezone,
        at_utc,
        cast(((at_utc - interval 4 hour) at time zone 'UTC') at time zone timezone as date) as local_date
    from zones
    cross join (
        select unnest(generate_series(
            date_trunc('day', $from_utc::timestamp), $until_utc::timestamp + interval 1 hour, interval 15 minute
        )) as at_utc
    ) as clock

),

new_dates as (

    select distinct at_utc
    from (
        select at_utc, local_date is distinct from lag(local_date) over (partition by timezone order by at_utc) as is_new
        from quarters
    )
    where is_new

),

senders as (

    select tenant_id, vehicle_id as device_id from wanted
    union
    select tenant_id, substr(vehicle_id, 8) from wanted where vehicle_id like 'device:%'
    union
    select tenant_id, device_id from staging.device_spans semi join wanted using (tenant_id, vehicle_id)

),

asked as (

    select tenant_id, device_id, $from_utc::timestamp as at_utc from senders
    union
    select tenant_id, device_id, at_utc from senders cross join new_dates
    union
    from ({borders})

)

select
    *,
    lead(at_utc, 1, $until_utc::timestamp + interval 1 millisecond) over (
        partition by tenant_id, device_id order by at_utc
    ) as until_utc
from asked
where at_utc between $from_utc and $until_utc
