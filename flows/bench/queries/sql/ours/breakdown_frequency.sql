select tenant_id, breakdown_count
from marts.breakdown_frequency($first_day, $last_day)
