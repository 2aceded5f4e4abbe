-- How many runs of the week were possibly over a legal limit: one that a city and its state both limit is one run.

select count(distinct (vehicle_id, started_utc)) as event_count

from marts.legal_idle_events
where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
