-- Service dates of the last week that were not over when the warnings were last asked of them, and are now; with tenants.

select service_date, list(tenant_id order by tenant_id) as tenants
from (
    select tenant_id, service_date, max(checked_utc) as checked_utc
    from core.check_results
    where severity = 'warn' and service_date >= current_date - 8
    group by all
)
join (
    select tenant_id, service_date, min(timezone) as timezone
    from core.vehicle_dates
    where service_date >= current_date - 8
    group by all
) using (tenant_id, service_date)
where now()::timestamp >= core.ends_utc(service_date, timezone) and checked_utc < core.ends_utc(service_date, timezone)
group by service_date
order by service_date
