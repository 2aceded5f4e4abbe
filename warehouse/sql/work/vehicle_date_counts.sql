-- What arrived for each wanted vehicle-date: counts of rows, and how late they were. Its depot is the one the van was
-- assigned to first, else its plan's.

with

counted as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        first(depot_id order by fix_ms, depot_id) filter (depot_id is not null) as assigned_depot_id,
        min(timezone) as timezone,
        bool_and(is_assigned) as is_assigned,
        count(*) as received_count,
        count(*) filter (copy_rank = 1) as accepted_count,
        count(*) filter (copy_rank > 1 and not is_conflict) as duplicate_count,
        count(*) filter (is_conflict) as conflict_count,
        count(*) filter (copy_rank = 1 and quality = 'low') as low_quality_count,
        median((received_us - fix_ms * 1000) / 1e6) filter (copy_rank = 1) as median_delay_s,
        quantile_cont((received_us - fix_ms * 1000) / 1e6, 0.95) filter (copy_rank = 1) as p95_delay_s,
        list_sort(list_distinct(flatten(list(str_split(flags, ',')) filter (copy_rank = 1 and flags != '')))) as flags
    from ranked_positions
    group by all

),

rates as (

    -- The points of a message share the instant it was received.
    select tenant_id, service_date, vehicle_id, max(message_count) as peak_messages_per_min
    from (
        select tenant_id, service_date, vehicle_id, count(distinct received_us) as message_count
        from ranked_positions
        group by tenant_id, service_date, vehicle_id, received_us // 60000000
    )
    group by all

),

plans as (

    select planned.tenant_id, planned.service_date, planned.vehicle_id, min(planned.depot_id) as planned_depot_id
    from core.planned_routes as planned
    semi join staging.depot_ranges as depots
        on depots.tenant_id = planned.tenant_id
        and depots.depot_id = planned.depot_id
        and planned.service_date >= depots.from_date
        and planned.service_date < depots.to_date
    group by all

)

select
    counted.* exclude (assigned_depot_id, is_assigned),
    peak_messages_per_min,
    coalesce(assigned_depot_id, planned_depot_id) as depot_id,
    is_assigned
    or (tenant_id, vehicle_id) in (select (tenant_id, vehicle_id) from core.vehicles) as is_registered

from counted
join rates using (tenant_id, service_date, vehicle_id)
left join plans using (tenant_id, service_date, vehicle_id)
