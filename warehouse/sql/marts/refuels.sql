-- marts.refuels: every rise of a fuel gauge that was a refuel: seen while the van was heard, or between two dates of it.

with

dates as (

    select
        *,
        lag(level_last_pct) over van as before_pct,
        lag(level_sigma_pct) over van as before_sigma_pct,
        lag(last_fix_utc) over van as before_utc
    from core.vehicle_dates
    where level_first_pct is not null
    window van as (partition by tenant_id, vehicle_id order by service_date)

),

registered as (

    -- The tank of each van from when to when.
    select tenant_id, vehicle_id, tank_l, from_date, to_date
    from staging.vehicle_ranges
    where tank_l > 0

)

select *, false as is_between_dates
from core.refuels

union all by name

-- A rise that is not larger than the two levels are uncertain is none.
select
    dates.tenant_id,
    dates.vehicle_id,
    dates.service_date,
    dates.before_utc as started_utc,
    dates.first_fix_utc as ended_utc,
    dates.before_pct as from_pct,
    dates.level_first_pct as to_pct,
    (dates.level_first_pct - dates.before_pct) / 100
    * case when registered.to_date > dates.service_date then registered.tank_l end as litres,
    true as is_between_dates
from dates
asof left join registered
    on registered.tenant_id = dates.tenant_id
    and registered.vehicle_id = dates.vehicle_id
    and registered.from_date <= dates.service_date
where dates.level_first_pct - dates.before_pct > greatest(
    core.refuel_rise_pct(), 4 * sqrt(dates.level_sigma_pct ** 2 + dates.before_sigma_pct ** 2)
)
