-- What arrived for each wanted vehicle-date, from `ranked_positions`: counts of rows, and how late they were.

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

)

select counted.*, peak_messages_per_min
from counted
join rates using (tenant_id, service_date, vehicle_id)
