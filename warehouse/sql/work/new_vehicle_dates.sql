-- The vehicle-dates that rows of {source}, resolved, belong to, and the segments those rows came in.

insert into core.reopened by name
select
    tenant_id,
    vehicle_id,
    service_date,
    '{reason}' as reason,
    now()::timestamp as noted_utc,
    spool_id,
    min(segment_no) as first_segment_no,
    max(segment_no) as last_segment_no
from ({resolved})
group by all
