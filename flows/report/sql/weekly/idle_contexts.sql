-- Where the idle time of the week was spent: all of it by context, and how much of it in events of two minutes and more.

with

idle as (

    select
        context,
        sum(duration_us) / 1e6 as idle_s

    from core.ledger
    where tenant_id = $tenant_id
        and service_date between $first::date and $first::date + 6
        and state = 'idle'
    group by context

),

events as (

    select
        context,
        count(*) as event_count,
        sum(duration_s order by service_date, vehicle_id, started_utc) as event_s,
        max(duration_s) as longest_s,
        sum(cost)::double as cost,
        case when count(distinct currency) <= 1 then max(currency) end as currency

    from marts.idle_events
    where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    group by context

)

select
    context,
    coalesce(idle_s, 0) as idle_s,
    coalesce(event_count, 0) as event_count,
    coalesce(event_s, 0) as event_s,
    longest_s,
    cost,
    currency

from idle
full join events using (context)

order by idle_s desc, context
