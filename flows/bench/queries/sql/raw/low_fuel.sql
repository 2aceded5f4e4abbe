select vehicle_id
from points
where tenant_id = $tenant
group by vehicle_id
having arg_max(fuel_pct, at_utc) < 10
