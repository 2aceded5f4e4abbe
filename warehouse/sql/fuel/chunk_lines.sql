-- What one chunk of stale lines (fuel_chunk) asks for: each instant at which a line may have been bought (fuel_candidates), from
-- when to when all positions of a van are needed (fuel_spans): the assigned one, or those that changed; the devices that
-- may carry these vans (fuel_devices), and the squares of places and hours in which another van's positions matter
-- (fuel_tiles).

create or replace temp table fuel_candidates as
select
    line_no,
    tenant_id,
    vehicle_id,
    candidate,
    case candidate when 1 then at_utc else at_utc_alternative end as at_utc,
    latitude,
    longitude,
    tank_l,
    day_from_utc,
    day_to_utc,
    changed_vans
from fuel_chunk, (values (1), (2)) as candidates (candidate)
where candidate = 1 or at_utc_alternative is not null;

-- 14 hours and 10 minutes on either side tell whether the time is wrong by whole hours.
create or replace temp table fuel_spans as
select
    tenant_id,
    van as vehicle_id,
    least(min(day_from_utc), min(at_utc) - interval 15 hour) as from_utc,
    greatest(max(day_to_utc), max(at_utc) + interval 15 hour) as until_utc
from (select *, unnest(coalesce(changed_vans, [vehicle_id])) as van from fuel_candidates)
group by all;

create or replace temp table fuel_devices as
select tenant_id, vehicle_id as device_id from fuel_spans where vehicle_id is not null
union
select tenant_id, substr(vehicle_id, 8) from fuel_spans where vehicle_id like 'device:%'
union
select spans.tenant_id, devices.device_id
from staging.device_spans as devices
join fuel_spans as spans using (tenant_id, vehicle_id);

-- 2.2 km by at least 0.97 km up to 80 degrees north: a fix within 805 m is in the square of its site or in one beside.
create or replace temp table fuel_tiles as
select distinct
    tenant_id,
    epoch_ms(at_utc) // 3600000 + hours.step as fix_hour,
    floor(latitude * 50)::integer + rows.step as tile_row,
    floor(longitude * 20)::integer + columns_.step as tile_column
from fuel_candidates,
    (values (-1), (0), (1)) as hours (step),
    (values (-1), (0), (1)) as rows (step),
    (values (-1), (0), (1)) as columns_ (step)
where at_utc is not null and latitude is not null and changed_vans is null;
