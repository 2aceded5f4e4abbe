select tenant_id, avg(rated_l_per_100km), avg(fuel_l_per_100km)
from points
join vehicles using (tenant_id, vehicle_id)
where speed_kmh > 1
group by tenant_id
order by tenant_id
