select vehicle_id, arg_max(latitude, at_utc), arg_max(longitude, at_utc)
from points
where tenant_id = $tenant
group by vehicle_id
order by vehicle_id
