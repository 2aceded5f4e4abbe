-- The runs of a vehicle-date follow one another without a hole or an overlap.
-- severity: error

select *
from (
    select
        tenant_id,
        service_date,
        vehicle_id,
        started_utc,
        lag(ended_utc) over (partition by tenant_id, vehicle_id order by started_utc, ended_utc) as ended_before_utc
    from core.ledger
    where service_date = $day
)
where ended_before_utc != started_utc
