select vehicle_id
from points
join vehicles using (tenant_id, vehicle_id)
where tenant_id = $tenant
group by vehicle_id, package_capacity
having arg_max(packages, at_utc) / package_capacity > 0.9
