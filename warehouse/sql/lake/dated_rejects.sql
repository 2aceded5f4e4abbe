-- staging.dated_rejects: rejects of known devices with the van and the date they were received on, and positions that
-- came for a frozen date, on that date.

create or replace view staging.dated_rejects as
select tenant_id, vehicle_id, service_date, reason, count(*) as seen_count
from ({resolved_rejects})
group by all
union all
select tenant_id, vehicle_id, service_date, 'date_frozen', count(*)
from core.frozen_rejects
group by all
