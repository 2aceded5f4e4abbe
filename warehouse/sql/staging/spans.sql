-- Which van carried a device, and which depot a van belonged to, from when to when.

create or replace view staging.device_spans as
select tenant_id, id as device_id, vehicle_id, from_utc, to_utc
from core.assignments
where kind = 'device';

-- A row of a tenant or depot holds from the first instant of its first service date, four hours after midnight in its
-- own zone, to the first one of the next row; so no instant between two rows is without a zone where the zone changes.
create or replace view staging.zone_spans as
select
    tenant_id,
    depot_id,
    timezone,
    from_utc,
    case when valid_to is null or next_from = valid_to then coalesce(next_utc, timestamp '9999-12-31') else end_utc end
        as to_utc
from (
    select
        *,
        coalesce(
            (valid_from::timestamp at time zone timezone) at time zone 'UTC' + interval 4 hour, timestamp '0001-01-01'
        ) as from_utc,
        (valid_to::timestamp at time zone timezone) at time zone 'UTC' + interval 4 hour as end_utc,
        lead(valid_from) over thing as next_from,
        lead(from_utc) over thing as next_utc
    from (
        select tenant_id, depot_id, timezone, valid_from, valid_to from core.depots
        union all
        select tenant_id, null, timezone, valid_from, valid_to from core.tenants where timezone is not null
    )
    window thing as (partition by tenant_id, depot_id order by valid_from nulls first)
);

-- The depot of a van and its zone; a depot that is in no list is none.
create or replace view staging.depot_spans as
select
    assigned.tenant_id,
    zones.depot_id,
    assigned.vehicle_id,
    zones.timezone,
    greatest(assigned.from_utc, zones.from_utc) as from_utc,
    least(assigned.to_utc, zones.to_utc) as to_utc
from core.assignments as assigned
join staging.zone_spans as zones
    on assigned.kind = 'depot'
    and zones.tenant_id = assigned.tenant_id
    and zones.depot_id = assigned.id
    and zones.from_utc < assigned.to_utc
    and assigned.from_utc < zones.to_utc;

create or replace view staging.tenant_spans as
select tenant_id, timezone, from_utc, to_utc from staging.zone_spans where depot_id is null;

-- Names that an unassigned device may not take for its own.
create or replace view staging.taken_names as
select distinct tenant_id, vehicle_id from core.vehicles
union
select distinct tenant_id, vehicle_id from core.assignments where kind = 'device';
