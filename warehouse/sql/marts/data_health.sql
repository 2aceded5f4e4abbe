-- marts.data_health: what arrived for each vehicle-date, and what of it could not be used.

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
        json_group_object(reason, row_count) as rejected_by_rule
    from rejected
    group by all

)

select
    days.tenant_id,
    days.service_date,
    days.vehicle_id,
    days.received_count,
    days.accepted_count,
    days.duplicate_count,
    days.conflict_count,
    coalesce(by_vehicle.rejected_count, 0) as rejected_count,
    coalesce(by_vehicle.rejected_by_rule, '{}') as rejected_by_rule,
    days.low_quality_count,
    days.jump_count,
    vehicle_days.coverage,
    days.median_interval_s,
    days.median_delay_s,
    days.p95_delay_s,
    days.longest_gap_s,
    not list_contains(days.quality_flags, 'unregistered') as is_registered,
    days.quality_flags

from core.vehicle_dates as days
join marts.vehicle_days as vehicle_days using (tenant_id, service_date, vehicle_id)
left join by_vehicle using (tenant_id, vehicle_id)
where days.service_date = $day
