select vehicle_id
from points
where tenant_id = $tenant and at_utc >= $from_utc and at_utc < $from_utc + interval 10 minutes
group by vehicle_id
having avg(speed_kmh) < 1
