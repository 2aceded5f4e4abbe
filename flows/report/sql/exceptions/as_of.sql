-- The zone most vans were in on the newest date, and when the tenant's newest figures were made.

select
    coalesce(
        (
            select timezone
            from core.vehicle_dates
            where tenant_id = $tenant_id
                and service_date = (select max(service_date) from core.vehicle_dates where tenant_id = $tenant_id)
            group by timezone
            order by count(*) desc, timezone
            limit 1
        ),
        'UTC'
    ) as timezone,
    (select max(rebuilt_utc) from core.loads where tenant_id = $tenant_id) as rebuilt_utc
