-- Idle runs that were possibly over a limit by $least_excess_s or more, one row a run: of dates from $since on, and of
-- older ones that were measured before, where a van's day changed since: late data does that. Where several limits hold,
-- the one that was passed by most.

with

changed as (

    select
        service_date,
        vehicle_id,
        max(revised_utc) as revised_utc,
        min(min(revised_utc)) over (partition by service_date) as first_measured_utc
    from core.revisions
    where tenant_id = $tenant_id and service_date >= $since::date - $most_days::integer
    group by service_date, vehicle_id

),

runs as (

    select
        events.service_date,
        events.vehicle_id,
        events.started_utc,
        max(events.ended_utc) as ended_utc,
        max(events.route_id) as route_id,
        arg_max(events.definition_id, (events.excess_s, events.definition_id)) as rule,
        arg_max(events.duration_s, (events.excess_s, events.definition_id)) as duration_s,
        arg_max(events.limit_s, (events.excess_s, events.definition_id)) as limit_s,
        arg_max(events.window_s, (events.excess_s, events.definition_id)) as window_s
    from marts.legal_idle_events as events
    left join changed using (service_date, vehicle_id)
    where tenant_id = $tenant_id
        and events.service_date >= $since::date - $most_days::integer
        and coalesce(events.service_date <= $until::date, true)
        and events.excess_s >= $least_excess_s
        and (
            events.service_date >= $since::date
            or (
                changed.revised_utc::date between $since::date and coalesce($until::date, date 'infinity')
                and changed.first_measured_utc::date < $since::date
            )
        )
    group by all

)

select
    'idle:' || runs.vehicle_id || '/' || strftime(runs.started_utc, '%Y-%m-%dT%H:%M:%SZ') as exception_id,
    'legal_idle' as kind,
    'high' as severity,
    runs.service_date,
    runs.started_utc,
    runs.ended_utc,
    days.timezone,
    runs.vehicle_id,
    runs.route_id,
    runs.rule,
    coalesce(definitions.place, runs.rule) as title,
    definitions.exceptions_note as evidence,
    ledger.context,
    case when ledger.place_precision_m = 0 then ledger.latitude end as latitude,
    case when ledger.place_precision_m = 0 then ledger.longitude end as longitude,
    runs.duration_s,
    runs.limit_s,
    runs.window_s,
    events.cost::double as cost,
    events.currency

from runs
left join marts.definitions as definitions on definitions.definition_id = runs.rule
left join core.vehicle_dates as days
    on days.tenant_id = $tenant_id
    and days.service_date = runs.service_date
    and days.vehicle_id = runs.vehicle_id
left join core.ledger as ledger
    on ledger.tenant_id = $tenant_id
    and ledger.service_date = runs.service_date
    and ledger.vehicle_id = runs.vehicle_id
    and ledger.started_utc = runs.started_utc
left join marts.idle_events as events
    on events.tenant_id = $tenant_id
    and events.service_date = runs.service_date
    and events.vehicle_id = runs.vehicle_id
    and events.started_utc = runs.started_utc

order by exception_id
