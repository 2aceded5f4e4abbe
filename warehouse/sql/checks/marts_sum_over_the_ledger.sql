-- Every time in marts.vehicle_days is a sum over the ledger: its states together are the observed span.
-- severity: error

select
    tenant_id,
    service_date,
    vehicle_id,
    drive_s + idle_s + ready_s + off_s + parked_s + unknown_s as spent_s,
    epoch(last_fix_utc - first_fix_utc) as observed_s
from marts.vehicle_days
where service_date = $day and abs(spent_s - observed_s) > 1e-3
