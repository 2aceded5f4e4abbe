-- Every second is counted once: the runs of a vehicle-date add up to its last fix minus its first, exactly.
-- severity: error

with

spent as (

    select tenant_id, service_date, vehicle_id, sum(duration_us) as spent_us
    from core.ledger
    where service_date = $day
    group by all

)

select
    days.tenant_id,
    days.service_date,
    days.vehicle_id,
    coalesce(spent.spent_us, 0) as spent_us,
    epoch_us(days.last_fix_utc) - epoch_us(days.first_fix_utc) as observed_us

from core.vehicle_dates as days
left join spent using (tenant_id, service_date, vehicle_id)
where days.service_date = $day and coalesce(spent.spent_us, 0) != observed_us
