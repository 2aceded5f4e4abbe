-- What is known of devices, without the instants in erased_devices; the lake has lost them already.

update core.devices as devices set fix = null
from erased_devices as erased
where erased.tenant_id = devices.tenant_id
    and erased.device_id = devices.device_id
    and devices.fix.fix_utc >= erased.from_utc
    and devices.fix.fix_utc < erased.to_utc;

delete from core.device_dates
where (tenant_id, device_id) in (select (tenant_id, device_id) from erased_devices);

create or replace temp table touched_dates as
select distinct tenant_id, device_id, fix_date from staging.read_positions
where (tenant_id, device_id) in (select (tenant_id, device_id) from erased_devices);
