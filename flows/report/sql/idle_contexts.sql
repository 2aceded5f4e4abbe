-- Idle events of the day by van and context, with the longest of them.

select
    vehicle_id,
    context,
    sum(duration_s) as idle_s,
    count(*) as event_count,
    max(duration_s) as longest_s,
    arg_max(started_utc, duration_s) as longest_started_utc,
    sum(cost)::double as cost

from marts.idle_events
where tenant_id = $tenant_id and service_date = $service_date::date

group by vehicle_id, context
order by vehicle_id, idle_s desc, context
