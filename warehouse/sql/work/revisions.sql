-- One more revision for each vehicle-date in `contents` that is not what its last revision says.

insert into core.revisions by name

with

latest as (

    select *
    from core.revisions
    semi join contents using (tenant_id, vehicle_id)
    where service_date = $day
    qualify row_number() over (partition by tenant_id, vehicle_id order by revision desc) = 1

),

news as (

    select
        tenant_id,
        vehicle_id,
        list_sort(list_distinct(list(reason))) as reasons,
        list_sort(list_distinct(list(
            core.segments_in_words(spool_id, first_segment_no, last_segment_no)
        ) filter (spool_id is not null))) as segments
    from core.reopened
    semi join contents using (tenant_id, vehicle_id)
    where service_date = $day
    group by all

)

select
    now_has.tenant_id,
    $day as service_date,
    now_has.vehicle_id,
    coalesce(latest.revision, 0) + 1 as revision,
    now()::timestamp as revised_utc,
    $code as code_version,
    news.reasons,
    coalesce(news.segments, []) as segments,
    list_sort(list_filter(
        list_distinct(coalesce(map_keys(now_has.contents), []) || coalesce(map_keys(latest.contents), [])),
        lambda part: now_has.contents[part] is distinct from latest.contents[part]
    )) as changed,
    case when latest.revision is null then '{}' else to_json(map_from_entries(list_filter(
        [
            {'measure': 'first_fix_utc', 'values': to_json([latest.first_fix_utc, now_has.first_fix_utc])},
            {'measure': 'last_fix_utc', 'values': to_json([latest.last_fix_utc, now_has.last_fix_utc])},
            {'measure': 'position_count', 'values': to_json([latest.position_count, now_has.position_count])},
            {'measure': 'drive_s', 'values': to_json([latest.drive_s, now_has.drive_s])},
            {'measure': 'idle_s', 'values': to_json([latest.idle_s, now_has.idle_s])},
            {'measure': 'ready_s', 'values': to_json([latest.ready_s, now_has.ready_s])},
            {'measure': 'off_s', 'values': to_json([latest.off_s, now_has.off_s])},
            {'measure': 'parked_s', 'values': to_json([latest.parked_s, now_has.parked_s])},
            {'measure': 'unknown_s', 'values': to_json([latest.unknown_s, now_has.unknown_s])},
            {'measure': 'distance_m', 'values': to_json([latest.distance_m, now_has.distance_m])},
            {'measure': 'stop_count', 'values': to_json([latest.stop_count, now_has.stop_count])},
            {'measure': 'fuel_used_l', 'values': to_json([latest.fuel_used_l, now_has.fuel_used_l])},
            {'measure': 'level_used_pct', 'values': to_json([latest.level_used_pct, now_has.level_used_pct])},
            {'measure': 'refuel_count', 'values': to_json([latest.refuel_count, now_has.refuel_count])}
        ],
        lambda entry: entry['values'][0] != entry['values'][1]
    ))) end as changes,
    now_has.* exclude (tenant_id, vehicle_id)

from contents as now_has
join news using (tenant_id, vehicle_id)
left join latest using (tenant_id, vehicle_id)
where now_has.contents is distinct from latest.contents
