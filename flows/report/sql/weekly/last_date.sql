-- The newest date there is for the tenant up to the end of the week; null without one.

select max(service_date) as service_date

from marts.fleet_days
where tenant_id = $tenant_id and service_date < $first::date
