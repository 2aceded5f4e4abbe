-- From when to when fixes may belong to the vehicle-dates in `wanted`: their local dates in every zone there is, or the
-- windows of their plans. Wider than what `staging/resolved.sql` says, never narrower: an hour for changes of the clock.

with

zones as (

    select '{timezone}' as timezone
    union
    select timezone from staging.zone_spans where timezone is not null

),

times as (

    select
        (service_date::timestamp at time zone timezone) at time zone 'UTC' + interval 3 hour as from_utc,
        ((service_date + 1)::timestamp at time zone timezone) at time zone 'UTC' + interval 5 hour as until_utc
    from (select distinct service_date from wanted)
    cross join zones
    union all
    select from_utc, to_utc
    from core.plan_windows
    semi join wanted using (tenant_id, vehicle_id, service_date)

)

select min(from_utc) as from_utc, max(until_utc) as until_utc
from times
