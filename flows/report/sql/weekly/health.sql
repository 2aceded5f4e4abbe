-- How good the data of the week is, over all vans and dates.

select
    coalesce(sum(received_count), 0)::bigint as received_count,
    coalesce(sum(duplicate_count), 0)::bigint as duplicate_count,
    coalesce(sum(conflict_count), 0)::bigint as conflict_count,
    coalesce(sum(rejected_count), 0)::bigint as rejected_count,
    count(distinct vehicle_id) filter (not is_registered) as unregistered_count,
    (
        select max(rebuilt_utc)
        from core.loads
        where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    ) as rebuilt_utc,
    (
        select string_agg(strftime(service_date, '%Y-%m-%d') || ' (' || check_name || ')', ', ' order by service_date)
        from core.held_back
        where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    ) as held_back,
    (
        select max(service_date)
        from marts.vehicle_days
        where tenant_id = $tenant_id and service_date >= $first::date
    ) as newest_date

from marts.data_health
where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
