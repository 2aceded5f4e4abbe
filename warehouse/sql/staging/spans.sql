-- Which van carried a device, and which depot a van belonged to, from when to when.

create or replace view staging.device_spans as
select tenant_id, id as device_id, vehicle_id, from_utc, to_utc
from core.assignments
where kind = 'device';

create or replace view staging.depot_spans as
select tenant_id, id as depot_id, vehicle_id, from_utc, to_utc
from core.assignments
where kind = 'depot';

-- Names that an unassigned device may not take for its own.
create or replace view staging.taken_names as
select distinct tenant_id, vehicle_id from core.vehicles
union
select distinct tenant_id, vehicle_id from core.assignments where kind = 'device';
