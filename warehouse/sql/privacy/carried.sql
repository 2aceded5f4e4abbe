-- Which devices were heard as vehicle $vehicle of tenant $tenant, from when to when: assigned to it, or, where the times
-- are null, by their own name while they were assigned to nobody. The rule is that of staging/resolved.sql.

select device_id, from_utc, to_utc
from staging.device_spans
where tenant_id = $tenant and vehicle_id = $vehicle

union

select $vehicle as device_id, null::timestamp as from_utc, null::timestamp as to_utc
where $vehicle not in (select vehicle_id from staging.taken_names where tenant_id = $tenant)

union

select substr($vehicle, 8) as device_id, null::timestamp as from_utc, null::timestamp as to_utc
where $vehicle like 'device:%'

order by all
