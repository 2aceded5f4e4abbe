-- The good fixes of the devices that carry or carried the vans of the windows in `moving`, on the UTC dates of these.

create or replace temp table window_positions as

with

dates as (

    select
        tenant_id,
        vehicle_id,
        unnest(generate_series(from_utc::date, latest_utc::date, interval 1 day))::date as fix_date
    from core.plan_windows
    semi join moving using (tenant_id, vehicle_id, service_date)

),

senders as (

    select tenant_id, vehicle_id as device_id, fix_date from dates
    union
    select tenant_id, substr(vehicle_id, 8), fix_date from dates where vehicle_id like 'device:%'
    union
    select tenant_id, device_id, fix_date
    from dates
    join (select distinct tenant_id, vehicle_id, device_id from staging.device_spans) as spans
        using (tenant_id, vehicle_id)

)

select tenant_id, device_id, latitude_e7 / 1e7 as latitude, longitude_e7 / 1e7 as longitude,
    make_timestamp(fix_ms * 1000) as at_utc
from staging.read_positions
where fix_date between $first and $last
    and quality = 'good'
    and latitude_e7 is not null
    and (tenant_id, device_id, fix_date) in (from senders)
