-- Thresholds, factors and small look-ups that models share. Sources in docs/definitions.md.

create or replace macro core.idle_event_s() as 120;
create or replace macro core.long_idle_s() as 300;
create or replace macro core.on_time_tolerance_s() as 300;
create or replace macro core.reporting_s() as 900; -- heard within this a device is reporting
create or replace macro core.non_communicating_s() as 86400; -- and silent for longer than this it does not communicate
create or replace macro core.litres_per_gallon() as 3.785411784;
create or replace macro core.unplanned_stop_s() as 600;
create or replace macro core.after_hours_slack() as interval 60 minute;
create or replace macro core.learning_days() as 28; -- idle rates are learned from so many dates before
create or replace macro core.least_learned_us() as 3600 * 1_000_000::bigint; -- and from that much idle time at least
create or replace macro core.refuel_rise_pct() as 8.0; -- the least rise of a fuel gauge that is a refuel
create or replace macro core.full_pct() as 85.0; -- a gauge at or above this says that the tank is full
create or replace macro core.missed_fill_factor() as 1.6; -- a fill this much too small for the distance was not the only one
create or replace macro core.least_coverage() as 0.8; -- below this share of known time metres are not all there
create or replace macro core.same_fill() as interval 60 minute; -- fills of a van this near in time are one

create or replace macro core.fresh_min() as 60; -- minutes: heard within this a source is fresh
create or replace macro core.silent_min() as 1560; -- and not for longer than this, a day and two hours, it is silent

-- Segments of a spool as people read them: spool/number, or spool/first-last.
create or replace macro core.segments_in_words(spool_id, first_no, last_no) as
    spool_id || '/' || first_no || case when last_no > first_no then '-' || last_no else '' end;

-- When a service date without a plan is over in a zone: 04:00 of the next day.
create or replace macro core.ends_utc(day, zone) as ((day + 1 + interval 4 hour) at time zone zone) at time zone 'UTC';

-- What a van burns, by the name that fuel has here, however a file words it: case, spaces and signs say nothing. Null:
-- not known. A hybrid, or a van of two fuels, is not known either: laws and factors ask what is burnt.
create or replace macro core.known_fuel(fuel_type) as list_filter(
    [
        {
            'fuel': 'gasoline',
            'words': '((regular|premium|unleaded) )?(gas|gasoline|petrol|unleaded)( (87|89|91|93|95|98|e5|e10|e15))?'
            || '|(gas|gasoline|petrol) (regular|premium|unleaded)|ulp|mogas|e5|e10|e15'
        },
        {'fuel': 'diesel', 'words': '(diesel|dsl|ulsd|derv)( fuel)?( (no )?[12]| ?b ?(2|5|7|10|20))?|b(2|5|7|10|20)'},
        {'fuel': 'diesel_step_van', 'words': 'diesel step ?van'},
        {'fuel': 'e85', 'words': '(ethanol )?e ?85( ethanol)?'},
        {'fuel': 'electric', 'words': '(battery )?(electric|electricity)( vehicle)?|bev|ev'},
        {'fuel': 'cng', 'words': 'cng|(compressed )?natural gas'},
        {'fuel': 'lpg', 'words': 'lpg|propane|autogas'}
    ],
    lambda known: regexp_full_match(trim(regexp_replace(lower(fuel_type), '[^a-z0-9]+', ' ', 'g')), known.words)
)[1].fuel;
create or replace macro core.is_electric(fuel_type) as coalesce(core.known_fuel(fuel_type) = 'electric', false);

-- Kilograms of CO2 at the tailpipe per US gallon (CNG: per gallon of gasoline that it is equivalent to), by set. The
-- name is that of the setting, the set what is stored with each result.
create or replace view core.co2_factors as
select * from (
    values
        ('tailpipe', 'EPA tailpipe 8.887/10.180', 8.887, 10.180),
        ('inventory', 'Inventory 8.78/10.21', 8.78, 10.21),
        ('fossil', 'Fossil part of E10 8.020, diesel 10.180', 8.020, 10.180)
) as sets (name, factor_set, gasoline_kg, diesel_kg);

create or replace macro core.co2_factor_set() as (
    select coalesce(max(factor_set), 'EPA tailpipe 8.887/10.180')
    from core.co2_factors
    semi join core.co2_choice using (name)
);

-- Of what counters and gauges saw of a group, the one that saw more metres; the counter where they are equal. Litres of
-- the two are never in one ratio.
create or replace macro core.better_source(counter_m, counter_l, level_m, level_l) as
    case
        when level_l is not null and (counter_l is null or coalesce(level_m, 0) > coalesce(counter_m, 0))
            then {'source': 'level', 'distance_m': level_m::double, 'fuel_l': level_l::double}
        when counter_l is not null
            then {'source': 'counter', 'distance_m': counter_m::double, 'fuel_l': counter_l::double}
        else {'source': 'none', 'distance_m': 0::double, 'fuel_l': null::double}
    end;

-- Litres an hour at idle where the vehicle's own rate is not known, and the factors of the chosen set per litre.
create or replace view core.fuel_facts as
select
    facts.fuel_type,
    facts.idle_l_per_h,
    case facts.burns when 'gasoline' then chosen.gasoline_kg when 'diesel' then chosen.diesel_kg else facts.co2_kg end
    / 3.785411784 as co2_kg_per_l
from (
    values
        ('gasoline', 'gasoline', 0.40 * 3.785411784, null),
        ('diesel', 'diesel', 0.25 * 3.785411784, null),
        ('diesel_step_van', 'diesel', 0.84 * 3.785411784, null),
        ('e85', null, 0.40 * 3.785411784, 6.295),
        ('cng', null, null, 7.030),
        ('electric', null, 0.0, 0.0)
) as facts (fuel_type, burns, idle_l_per_h, co2_kg)
cross join (from core.co2_factors where factor_set = core.co2_factor_set()) as chosen;

-- Which products each fuel type is bought as.
create or replace view core.fuel_products as
select * from (
    values
        ('gasoline', 'gasoline'), ('gasoline', 'gasoline_regular'), ('gasoline', 'gasoline_e10_regular'),
        ('diesel', 'diesel'), ('diesel', 'diesel_2'), ('diesel', 'diesel_1'), ('diesel', 'ulsd_2'),
        ('diesel', 'ulsd_1'), ('diesel_step_van', 'diesel'), ('diesel_step_van', 'diesel_2'),
        ('diesel_step_van', 'ulsd_2'), ('e85', 'e85')
) as products (fuel_type, product);

create or replace macro core.price_per_l(price, unit) as
    case
        when lower(unit) in ('gal', 'us_gal', 'gallon') then price / core.litres_per_gallon()
        when lower(unit) in ('l', 'litre', 'liter') then price
    end;

-- Which prices may stand for a product, nearest first. A grade that is not told may be any.
create or replace macro core.price_products(product) as
    case
        when regexp_matches(product, '^gasoline(_\w+)?_regular$') then [product, 'gasoline_regular', 'gasoline']
        when regexp_matches(product, '^(diesel|ulsd)(_[12])?$') then [product, 'diesel_2', 'ulsd_2', 'diesel']
        else [product]
    end;

-- The newest price of each fuel on a day, per litre; the first product and region by name where a file has several.
create or replace macro core.prices_on(day) as table
select
    products.fuel_type,
    core.price_per_l(prices.price, prices.unit) as price_per_l,
    prices.currency
from core.prices as prices
join core.fuel_products as products using (product)
where prices.from_date <= day and core.price_per_l(prices.price, prices.unit) is not null
qualify row_number() over (
    -- Of several regions the whole country, where a file has it, else the first by name.
    partition by products.fuel_type
    order by prices.from_date desc, prices.product, prices.region not in ('U.S.', 'US', 'USA'), prices.region
) = 1;

-- Litres an hour at idle of each van by its own counter, in the weeks before a day.
create or replace macro core.learned_idle_on(day) as table
select
    tenant_id,
    vehicle_id,
    sum(counted_idle_l order by service_date) / (sum(counted_idle_us) / 3.6e9) as idle_l_per_h
from core.vehicle_dates
where service_date >= day - core.learning_days() and service_date < day
group by tenant_id, vehicle_id
having sum(counted_idle_us) >= core.least_learned_us() and sum(counted_idle_l) > 0;

-- What a litre burnt costs and emits for each vehicle heard on a day, and how much it burns at idle.
create or replace macro core.fuel_terms_on(day) as table
select
    days.tenant_id,
    days.vehicle_id,
    vehicles.fuel_type,
    core.is_electric(vehicles.fuel_type) as is_electric,
    coalesce(learned.idle_l_per_h, vehicles.idle_l_per_h, facts.idle_l_per_h) as idle_l_per_h,
    case
        when learned.idle_l_per_h is not null then 'learned'
        when vehicles.idle_l_per_h is not null then 'vehicle'
        when facts.idle_l_per_h is not null then 'table'
    end as idle_rate_source,
    facts.co2_kg_per_l,
    prices.price_per_l,
    prices.currency
from core.vehicle_dates as days
left join core.vehicles_on(day) as vehicles using (tenant_id, vehicle_id)
left join core.learned_idle_on(day) as learned using (tenant_id, vehicle_id)
left join core.fuel_facts as facts on facts.fuel_type = core.known_fuel(vehicles.fuel_type)
left join core.prices_on(day) as prices on prices.fuel_type = core.known_fuel(vehicles.fuel_type)
where days.service_date = day;

-- What each definition asks of each vehicle heard on a day: its threshold there, whether the van is one it holds for
-- (null: not known), and why not.
create or replace macro core.definition_terms_on(day) as table
select
    days.tenant_id,
    days.vehicle_id,
    definitions.definition_id,
    definitions.version as definition_version,
    definitions.kind,
    definitions.bound,
    definitions.counts_first,
    definitions.pto_counts,
    definitions.ignored_contexts,
    definitions.jurisdiction,
    definitions.place,
    case when measured_on = 'stands' then 'stand' when pto_counts then 'stretch' else 'run' end as unit,
    definitions.window_s * 1_000_000::bigint as window_us,
    greatest(threshold_s * 1e6, coalesce(min_intervals * median_interval_s * 1e6, 0))::bigint as threshold_us,
    coalesce(known_place_threshold_s * 1_000_000::bigint, threshold_us) as known_place_threshold_us,
    case
        when day < definitions.valid_from or day >= definitions.valid_to then 'not in force on ' || day::varchar
        when kind = 'operational' then null
        when vehicles.known_fuel = 'electric' then 'the van is electric'
        when not list_contains(fuels, vehicles.known_fuel) then 'not for vans that burn ' || vehicles.known_fuel
        when vehicles.gvwr_lb <= min_gvwr_lb
            then format('GVWR {:,} lb is not above {:,} lb', vehicles.gvwr_lb::bigint, min_gvwr_lb::bigint)
    end as refusal,
    case
        when kind = 'operational' then null
        when vehicles.known_fuel is null
            then 'the fuel of the van' || coalesce(', ' || vehicles.fuel_type || ',', '') || ' is not known'
        when min_gvwr_lb is not null and vehicles.gvwr_lb is null then 'the GVWR of the van is not known'
    end as missing,
    case when refusal is not null then false when missing is null then true end as is_for_van

from core.vehicle_dates as days
cross join marts.definitions as definitions
left join (
    select *, core.known_fuel(fuel_type) as known_fuel from core.vehicles_on(day)
) as vehicles using (tenant_id, vehicle_id)
where days.service_date = day;
