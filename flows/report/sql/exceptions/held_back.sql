-- Service dates whose newest data did not pass the checks, so that older figures are shown: of dates from $since on, and
-- older ones that were found since.

select
    'held:' || service_date as exception_id,
    'held_back' as kind,
    'medium' as severity,
    service_date,
    string_agg(check_name, ', ' order by check_name) as rule,
    'Held-back date' as title,
    string_agg(coalesce(meaning, replace(check_name, '_', ' ')), ' ' order by check_name) as evidence

from core.held_back
left join core.checks using (check_name)

where tenant_id = $tenant_id
    and service_date >= $since::date - $most_days::integer
    and coalesce(service_date <= $until::date, true)
    and greatest(service_date, found_utc::date) >= $since::date

group by service_date
order by service_date
