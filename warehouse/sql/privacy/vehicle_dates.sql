-- The service dates on which anything is known of vehicle $vehicle of tenant $tenant.

select vehicle_id, service_date
from core.vehicle_dates
where tenant_id = $tenant and vehicle_id = $vehicle

union

select vehicle_id, service_date
from core.planned_routes
where tenant_id = $tenant and vehicle_id = $vehicle

union

select vehicle_id, service_date
from marts.status_days
where tenant_id = $tenant and vehicle_id = $vehicle

union

-- Also dates on which only something was received that became no data.
select vehicle_id, service_date
from marts.data_health
where tenant_id = $tenant and vehicle_id = $vehicle

order by all
