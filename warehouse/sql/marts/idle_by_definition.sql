-- marts.idle_by_definition: the idle time of a vehicle-date under each definition, the sum of what it took.

with

verdicts as (

    select
        tenant_id,
        vehicle_id,
        definition_id,
        sum(counted_us) / 1e6 as idle_s,
        count(*) filter (verdict = 'taken') as event_count,
        sum(if_applied_us) / 1e6 as if_applied_s,
        count(*) filter (is_over) as if_applied_event_count,
        case when bool_or(applies) then true when bool_or(applies is null) then null else false end as applies
    from day_verdicts
    group by all

)

select
    days.tenant_id,
    days.service_date,
    days.vehicle_id,
    definitions.definition_id,
    definitions.version as definition_version,
    coalesce(verdicts.idle_s, 0) as idle_s,
    coalesce(verdicts.event_count, 0) as event_count,
    days.engine_on_s,
    1 - coalesce(verdicts.idle_s, 0) / nullif(days.engine_on_s, 0) as utilization,
    days.engine_coverage,
    -- Without any idling no place was idled in.
    case when verdicts.definition_id is null then definitions.kind = 'operational' else verdicts.applies end as applies,
    coalesce(verdicts.if_applied_s, 0) as if_applied_s,
    coalesce(verdicts.if_applied_event_count, 0) as if_applied_event_count

from marts.vehicle_days as days
cross join marts.definitions as definitions
left join verdicts using (tenant_id, vehicle_id, definition_id)
where days.service_date = $day
