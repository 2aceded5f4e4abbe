select tenant_id, vehicle_id, sum(drive_s)::bigint as drive_s
from marts.vehicle_days
group by all
order by all
