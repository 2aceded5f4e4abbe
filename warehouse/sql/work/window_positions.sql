-- The good fixes of the devices that carry or carried the vans in `moving`, on the UTC dates of their windows.

create or replace temp table window_positions as
select tenant_id, device_id, latitude_e7 / 1e7 as latitude, longitude_e7 / 1e7 as longitude,
    make_timestamp(fix_ms * 1000) as at_utc
from staging.read_positions
where fix_date between $first and $last
    and quality = 'good'
    and latitude_e7 is not null
    and (tenant_id, device_id) in (
        select tenant_id, vehicle_id from moving
        union
        select tenant_id, substr(vehicle_id, 8) from moving where vehicle_id like 'device:%'
        union
        select tenant_id, device_id from staging.device_spans semi join moving using (tenant_id, vehicle_id)
    )
