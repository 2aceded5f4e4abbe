-- The vehicle-dates in `wanted` that stood before five or after ten in the evening, or on two dates: no other has a stand
-- that is overnight, as a stand is no longer than all of them.

create or replace temp table may_be_overnight as
select tenant_id, vehicle_id, service_date
from (
    select
        tenant_id,
        vehicle_id,
        service_date,
        (min(started_utc) at time zone 'UTC') at time zone min(timezone) as began_local,
        (max(ended_utc) at time zone 'UTC') at time zone min(timezone) as ended_local
    from core.ledger
    semi join wanted using (tenant_id, vehicle_id, service_date)
    join core.vehicle_dates using (tenant_id, vehicle_id, service_date)
    where core.ledger.{of_dates} and state not in ('drive', 'unknown')
    group by all
)
where began_local::date != ended_local::date
    or hour(began_local) not between 5 and 21
    or hour(ended_local) not between 5 and 21
