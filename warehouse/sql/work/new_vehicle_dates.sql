-- The vehicle-dates that rows of {source}, resolved, belong to.

insert into core.reopened
select distinct tenant_id, vehicle_id, service_date, '{reason}', now()::timestamp
from ({resolved})
