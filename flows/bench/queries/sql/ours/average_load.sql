select tenant_id, package_capacity, load_share
from marts.average_load($first_day, $last_day)
order by all
