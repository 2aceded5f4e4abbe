-- The checks that hold the day back, comma separated; null: none.

select string_agg(check_name, ', ' order by check_name) as held_back_by

from core.held_back
where tenant_id = $tenant_id
    and service_date = $service_date::date
