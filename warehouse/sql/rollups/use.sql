-- Van-days of marts.status_days by {group}: K1, K2, K29. Of K2 days on which no van of the fleet was dispatched are
-- nobody's available days.
select
    *,
    available_dispatched / nullif(vehicles_available, 0) as asset_utilization,
    books_dispatched / nullif(vehicles_on_books, 0) as books_utilization,
    dispatched_days / nullif(available_days, 0) as day_utilization
from (
    select
        {group},
        count(*) filter (is_dispatched) as dispatched_days,
        count(*) filter (is_fleet_out and (is_available or is_dispatched)) as available_days,
        count(*) filter (is_on_books) as vehicles_on_books,
        count(*) filter (is_available) as vehicles_available,
        count(*) filter (is_dispatched and is_available) as available_dispatched,
        count(*) filter (is_dispatched and is_on_books) as books_dispatched,
        count(*) filter (fleet_status = 'active') as vehicles_active,
        count(*) filter (fleet_status = 'stationary') as vehicles_stationary,
        count(*) filter (fleet_status = 'inactive') as vehicles_inactive,
        count(*) filter (fleet_status = 'non_communicating') as vehicles_non_communicating
    from (
        select *, bool_or(is_dispatched) over (partition by tenant_id, service_date) as is_fleet_out
        from {days}
    )
    group by {group}
)
