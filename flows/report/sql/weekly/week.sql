-- The tenant's whole week that ended last, up to the last date asked for: weeks begin on the weekday of the tenant.

select core.week_begin($last::date + 1, any_value(week_start)) - 7 as first_date

from staging.week_starts
where tenant_id = $tenant_id
