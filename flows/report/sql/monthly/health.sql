-- How good the data of the month is, over all vans and dates.

select
    (
        select count(distinct vehicle_id)
        from marts.vehicle_days
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
    ) as vehicles_heard,
    count(distinct service_date) as date_count,
    coalesce(sum(received_count), 0)::bigint as received_count,
    coalesce(sum(rejected_count), 0)::bigint as rejected_count,
    coalesce(sum(duplicate_count), 0)::bigint as duplicate_count,
    count(distinct vehicle_id) filter (not is_registered) as unregistered_count,
    count(*) filter (coverage < $min_coverage) as poor_van_days,
    count(*) as van_days,
    (
        select list(service_date order by service_date)
        from (select distinct service_date from core.held_back
        where tenant_id = $tenant_id and service_date between $first::date and $last::date)
    ) as held_back,
    (
        select max(rebuilt_utc)
        from core.loads
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
    ) as rebuilt_utc,
    (
        select max(last_fix_utc)
        from marts.vehicle_days
        where tenant_id = $tenant_id
    ) as newest_fix_utc,
    (
        select timezone
        from core.vehicle_dates
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
        group by timezone
        order by count(*) desc, timezone
        limit 1
    ) as timezone

from marts.data_health
where tenant_id = $tenant_id and service_date between $first::date and $last::date
