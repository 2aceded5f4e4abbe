-- Numbered rows of a date with the names of their vans.

select date '{day}' as service_date, vans.tenant_id, vans.vehicle_id, numbered.* exclude (van_no)
from {numbered} as numbered
join day_vans as vans using (van_no)
