-- The newest month there is for the tenant up to the one asked for; null without one.

select max(date_from) as date_from
from marts.fleet_months
where tenant_id = $tenant_id and date_from <= $first::date
