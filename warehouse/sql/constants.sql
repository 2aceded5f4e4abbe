-- Thresholds, factors and small look-ups that models share. Sources in docs/definitions.md.

create or replace macro core.idle_event_s() as 120;
create or replace macro core.long_idle_s() as 300;
create or replace macro core.on_time_tolerance_s() as 300;
create or replace macro core.litres_per_gallon() as 3.785411784;

-- Litres an hour at idle where the vehicle's own rate is not known, and the EPA tailpipe factors (kg CO2 per US
-- gallon: gasoline 8.887, diesel 10.180, E85 6.295) per litre.
create or replace view core.fuel_facts as
select * from (
    values
        ('gasoline', 0.40 * 3.785411784, 8.887 / 3.785411784),
        ('diesel', 0.25 * 3.785411784, 10.180 / 3.785411784),
        ('diesel_step_van', 0.84 * 3.785411784, 10.180 / 3.785411784),
        ('e85', 0.40 * 3.785411784, 6.295 / 3.785411784),
        ('electric', 0.0, 0.0)
) as facts (fuel_type, idle_l_per_h, co2_kg_per_l);

-- The row of each vehicle that is valid on a day.
create or replace macro core.vehicles_on(day) as table
select *
from core.vehicles
where day >= coalesce(valid_from, date '1970-01-01') and day < coalesce(valid_to, date '9999-12-31')
qualify row_number() over (partition by tenant_id, vehicle_id order by valid_from desc nulls last) = 1;

-- The newest price of each fuel on a day, per litre; the first region by name where a file has several.
create or replace macro core.prices_on(day) as table
select
    str_split(product, '_')[1] as fuel_type,
    case when lower(unit) in ('gal', 'us_gal', 'gallon') then price / core.litres_per_gallon() else price end
        as price_per_l,
    currency
from core.prices
where from_date <= day and lower(unit) in ('gal', 'us_gal', 'gallon', 'l', 'litre', 'liter')
qualify row_number() over (partition by str_split(product, '_')[1] order by from_date desc, product, region) = 1;

-- Idle runs: consecutive idle rows of the ledger, however context, phase or route split them.
create or replace view staging.idle_runs as
select
    tenant_id,
    service_date,
    vehicle_id,
    arg_max(route_id, duration_us) as route_id,
    min(started_utc) as started_utc,
    max(ended_utc) as ended_utc,
    sum(duration_us)::bigint as duration_us,
    arg_max(context, duration_us) as context,
    arg_min(latitude, started_utc) as latitude,
    arg_min(longitude, started_utc) as longitude,
    sum(fuel_l) as fuel_l
from (
    select
        *,
        sum((not is_continued)::int) over (
            partition by service_date, tenant_id, vehicle_id
            order by started_utc, ended_utc rows unbounded preceding
        ) as run_no
    from core.ledger
    where state = 'idle'
)
group by tenant_id, service_date, vehicle_id, run_no;

-- What a litre burnt costs and emits for each vehicle heard on a day, and how much it burns at idle.
create or replace macro core.fuel_terms_on(day) as table
select
    days.tenant_id,
    days.vehicle_id,
    vehicles.fuel_type,
    coalesce(vehicles.idle_l_per_h, facts.idle_l_per_h) as idle_l_per_h,
    case when vehicles.idle_l_per_h is not null then 'vehicle' when facts.idle_l_per_h is not null then 'table' end
        as idle_rate_source,
    facts.co2_kg_per_l,
    prices.price_per_l,
    prices.currency
from core.vehicle_dates as days
left join core.vehicles_on(day) as vehicles using (tenant_id, vehicle_id)
left join core.fuel_facts as facts on facts.fuel_type = lower(vehicles.fuel_type)
left join core.prices_on(day) as prices on prices.fuel_type = str_split(lower(vehicles.fuel_type), '_')[1]
where days.service_date = day;
