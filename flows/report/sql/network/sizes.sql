-- How large the network was in the week: van-days, not vans, and nobody by name.

select
    count(distinct tenant_id) as tenant_count,
    coalesce(sum(vehicles_heard), 0)::bigint as van_days,
    coalesce(sum(routes_run), 0)::bigint as routes_run,
    (sum(known_s order by service_date, tenant_id) / nullif(sum(observed_s order by service_date, tenant_id), 0))
        as coverage

from marts.fleet_days

where service_date between $first::date and $first::date + 6
