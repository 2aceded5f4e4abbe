-- marts.idle_by_definition: the idle time of a vehicle-date under each definition, from the same ledger.

with

counted as (

    select
        runs.tenant_id,
        runs.vehicle_id,
        definitions.definition_id,
        sum(
            runs.duration_us - case when definitions.counts_first then 0 else definitions.threshold_s * 1_000_000 end
        ) / 1e6 as idle_s,
        count(*) as event_count
    from staging.idle_runs as runs
    join marts.definitions as definitions on runs.duration_us >= definitions.threshold_s * 1e6
    where runs.service_date = $day
    group by all

)

select
    days.tenant_id,
    days.service_date,
    days.vehicle_id,
    definitions.definition_id,
    definitions.version as definition_version,
    coalesce(counted.idle_s, 0) as idle_s,
    coalesce(counted.event_count, 0) as event_count,
    days.engine_on_s,
    1 - coalesce(counted.idle_s, 0) / nullif(days.engine_on_s, 0) as utilization

from marts.vehicle_days as days
cross join marts.definitions as definitions
left join counted using (tenant_id, vehicle_id, definition_id)
where days.service_date = $day
