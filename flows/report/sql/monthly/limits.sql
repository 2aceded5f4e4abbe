-- Idle runs of the month that were possibly over a limit, by limit; a run over two limits is in both.

select
    coalesce(definitions.place, events.definition_id) as place,
    count(*) as event_count,
    count(distinct vehicle_id) as vehicle_count,
    sum(excess_s order by service_date, vehicle_id, started_utc) as excess_s,
    max(excess_s) as worst_s

from marts.legal_idle_events as events
left join marts.definitions as definitions using (definition_id)

where tenant_id = $tenant_id and service_date between $first::date and $last::date

group by all
order by event_count desc, place
