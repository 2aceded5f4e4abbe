-- Every position that was received is accepted, a duplicate or a conflict, and nothing is two of them.
-- severity: error

select tenant_id, service_date, vehicle_id, received_count, accepted_count, duplicate_count, conflict_count
from marts.data_health
where service_date = $day and received_count != accepted_count + duplicate_count + conflict_count
