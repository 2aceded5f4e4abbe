-- The zone most vans' service date was taken in: for a tenant whose depots are not known.

select timezone

from core.vehicle_dates
where tenant_id = $tenant_id and service_date = $service_date::date

group by timezone
order by count(*) desc, timezone
limit 1
