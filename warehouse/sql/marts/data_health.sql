-- marts.data_health: what arrived for each vehicle-date, and what of it could not be used; also for a van of which
-- nothing could be used.

with

rejected as (

    select tenant_id, vehicle_id, reason, sum(seen_count) as row_count
    from staging.dated_rejects
    where service_date = $day
    group by all

),

by_vehicle as (

    select
        tenant_id,
        vehicle_id,
        sum(row_count) as rejected_count,
        to_json(map_from_entries(list((reason, row_count) order by reason))) as rejected_by_rule
    from rejected
    group by all

)

select
    tenant_id,
    $day as service_date,
    vehicle_id,
    coalesce(days.received_count, 0) as received_count,
    coalesce(days.accepted_count, 0) as accepted_count,
    coalesce(days.duplicate_count, 0) as duplicate_count,
    coalesce(days.conflict_count, 0) as conflict_count,
    coalesce(by_vehicle.rejected_count, 0) as rejected_count,
    coalesce(by_vehicle.rejected_by_rule, '{}') as rejected_by_rule,
    coalesce(days.low_quality_count, 0) as low_quality_count,
    coalesce(days.jump_count, 0) as jump_count,
    vehicle_days.coverage,
    days.median_interval_s,
    days.median_delay_s,
    days.p95_delay_s,
    days.peak_messages_per_min,
    days.longest_gap_s,
    coalesce(
        not list_contains(days.quality_flags, 'unregistered'),
        (tenant_id, vehicle_id) in (select (tenant_id, vehicle_id) from core.vehicles)
    ) as is_registered,
    coalesce(days.quality_flags, ['nothing_usable']) as quality_flags

from (from core.vehicle_dates where service_date = $day) as days
full join by_vehicle using (tenant_id, vehicle_id)
left join (from marts.vehicle_days where service_date = $day) as vehicle_days using (tenant_id, vehicle_id)
