-- The quality flags of the days a subject is about, those in erased_dates.

select vehicle_id, service_date, quality_flags
from marts.vehicle_days
semi join erased_dates using (tenant_id, vehicle_id, service_date)
where len(quality_flags) > 0
order by all
