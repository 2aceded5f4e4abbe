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

-- Which products each fuel type is bought as.
create or replace view core.fuel_products as
select * from (
    values
        ('gasoline', 'gasoline'), ('gasoline', 'gasoline_regular'), ('gasoline', 'gasoline_e10_regular'),
        ('diesel', 'diesel'), ('diesel', 'diesel_2'), ('diesel', 'diesel_1'), ('diesel', 'ulsd_2'),
        ('diesel', 'ulsd_1'), ('diesel_step_van', 'diesel'), ('diesel_step_van', 'diesel_2'),
        ('diesel_step_van', 'ulsd_2'), ('e85', 'e85')
) as products (fuel_type, product);

-- The newest price of each fuel on a day, per litre; the first product and region by name where a file has several.
create or replace macro core.prices_on(day) as table
select
    products.fuel_type,
    case when lower(prices.unit) in ('gal', 'us_gal', 'gallon') then prices.price / core.litres_per_gallon()
        else prices.price end as price_per_l,
    prices.currency
from core.prices as prices
join core.fuel_products as products using (product)
where prices.from_date <= day and lower(prices.unit) in ('gal', 'us_gal', 'gallon', 'l', 'litre', 'liter')
qualify row_number() over (
    partition by products.fuel_type order by prices.from_date desc, prices.product, prices.region
) = 1;

-- Idle rows of the ledger with the run they belong to: consecutive idle rows, however context, phase or route split them.
create or replace view staging.idle_rows as
select
    *,
    sum(duration_us) over (partition by service_date, tenant_id, vehicle_id, run_no) as run_us
from (
    select
        *,
        sum((not is_continued)::int) over (
            partition by service_date, tenant_id, vehicle_id
            order by started_utc, ended_utc rows unbounded preceding
        ) as run_no
    from core.ledger
    where state = 'idle'
);

-- Idle runs; where a run has several contexts or routes, the longest part names it.
create or replace view staging.idle_runs as
select
    tenant_id,
    service_date,
    vehicle_id,
    first(route_id order by duration_us desc, started_utc) as route_id,
    min(started_utc) as started_utc,
    max(ended_utc) as ended_utc,
    sum(duration_us)::bigint as duration_us,
    first(context order by duration_us desc, started_utc) as context,
    first(latitude order by started_utc) as latitude,
    first(longitude order by started_utc) as longitude,
    sum(fuel_l order by started_utc) as fuel_l
from staging.idle_rows
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
left join core.prices_on(day) as prices on prices.fuel_type = lower(vehicles.fuel_type)
where days.service_date = day;
