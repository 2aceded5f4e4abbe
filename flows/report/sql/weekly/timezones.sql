-- The zone most service dates of the week were taken in: for a tenant whose depots are not known.

select timezone

from core.vehicle_dates
where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6

group by timezone
order by count(*) desc, timezone
limit 1
