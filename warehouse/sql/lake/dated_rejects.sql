-- staging.dated_rejects: rejects of known devices with the van and the date they were received on.

create or replace view staging.dated_rejects as
select tenant_id, vehicle_id, service_date, reason, count(*) as seen_count
from ({resolved_rejects})
group by all
