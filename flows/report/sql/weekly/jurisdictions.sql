-- Idle time by the jurisdiction it was in, and beside it, counted separately, the runs possibly over a legal limit there.
-- A place may be in several: a city and its state.

with

idle as (

    select
        unnest(jurisdictions) as jurisdiction,
        sum(duration_us) / 1e6 as idle_s

    from core.ledger
    where tenant_id = $tenant_id
        and service_date between $first::date and $first::date + 6
        and state = 'idle'
    group by jurisdiction

),

legal as (

    select
        jurisdiction,
        count(*) as event_count,
        count(distinct vehicle_id) as vehicle_count,
        sum(excess_s order by service_date, vehicle_id, started_utc) as excess_s,
        max(duration_s) as longest_s

    from marts.legal_idle_events
    where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    group by jurisdiction

),

limits as (

    select
        jurisdiction,
        any_value(place) as place,
        min(threshold_s) as limit_s

    from marts.definitions
    where kind = 'legal' and jurisdiction is not null
    group by jurisdiction

)

select
    coalesce(place, jurisdiction) as place,
    limit_s,
    coalesce(idle_s, 0) as idle_s,
    coalesce(event_count, 0) as event_count,
    coalesce(vehicle_count, 0) as vehicle_count,
    coalesce(excess_s, 0) as excess_s,
    longest_s

from idle
full join legal using (jurisdiction)
left join limits using (jurisdiction)

order by event_count desc, idle_s desc, place
