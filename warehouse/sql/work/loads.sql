-- One row for each tenant of a rebuild of service date $day: what was measured anew and why.

insert into core.loads by name

with

news as (

    select
        tenant_id,
        list_sort(list_distinct(list(reason))) as reasons,
        list_sort(list_distinct(list(
            core.segments_in_words(spool_id, first_segment_no, last_segment_no)
        ) filter (spool_id is not null))) as segments
    from core.reopened
    where service_date = $day
    group by all

),

measured as (

    -- A rate learned anew changes marts only; a vehicle-date without positions was looked at all the same.
    select tenant_id, count(*) as vehicle_date_count, coalesce(sum(accepted_count), 0) as position_count
    from (select distinct tenant_id, vehicle_id from core.reopened where service_date = $day and reason != 'idle_rate')
    left join (from core.vehicle_dates where service_date = $day) using (tenant_id, vehicle_id)
    group by all

)

select
    (select coalesce(max(load_id), 0) + 1 from core.loads) as load_id,
    rebuilt.tenant_id,
    $day as service_date,
    now()::timestamp as rebuilt_utc,
    coalesce(measured.vehicle_date_count, 0) as vehicle_date_count,
    coalesce(measured.position_count, 0) as position_count,
    $code as code_version,
    coalesce(news.reasons, ['held_back']) as reasons,
    coalesce(news.segments, []) as segments,
    $seconds as seconds,
    $schema_digest as schema_digest,
    $models_digest as models_digest,
    $definitions_digest as definitions_digest,
    $checks_digest as checks_digest

from (select unnest($tenants) as tenant_id) as rebuilt
left join measured using (tenant_id)
left join news using (tenant_id)
