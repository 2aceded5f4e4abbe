-- The newest day there is for the tenant up to the day asked for; null without one.

select max(service_date) as service_date

from marts.fleet_days
where tenant_id = $tenant_id
    and service_date <= $service_date::date
