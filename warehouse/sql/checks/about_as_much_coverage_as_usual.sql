-- A date that is over is known about as well as the dates before: coverage is at most 0.1 below the median of the up to
-- 28 dates before, of at least five. (0.1: set 2026-11-21; below 0.80 reports show no ratios.)
-- severity: warn

with

usual as (

    select tenant_id, median(coverage) as usual_coverage
    from marts.fleet_days
    where service_date between $day - 28 and $day - 1 and coverage is not null
    group by all
    having count(*) >= 5

),

zones as (

    select tenant_id, min(timezone) as timezone
    from core.vehicle_dates
    where service_date = $day
    group by all

)

select days.tenant_id, days.service_date, days.coverage, usual.usual_coverage
from marts.fleet_days as days
join usual using (tenant_id)
join zones using (tenant_id)
where days.service_date = $day
    and days.coverage < usual.usual_coverage - 0.1
    and now()::timestamp >= core.ends_utc(days.service_date, zones.timezone)
