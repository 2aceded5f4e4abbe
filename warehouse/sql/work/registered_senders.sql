-- Devices and depots that may send today. A device whose last assignment has ended is out;
-- one that changes vans tomorrow, or rests between two vans, stays in. So is a depot whose last row has ended.

select 'device' as kind, tenant_id, id as name
from core.assignments
where kind = 'device' and to_utc > $now_utc
union
select 'depot' as kind, tenant_id, depot_id as name
from core.depots
where coalesce(valid_to, date 'infinity') > $now_utc::date
order by all
