-- Which row of a dimension holds on a date? The one place for each dimension; everything else asks here.
--
-- A row holds from valid_from (null: always) to valid_to, which it does not hold on any more (null: still does). Import
-- refuses rows that overlap; of those that an older warehouse took, the one that begins last holds.
--
--     select * from core.vehicles_on(date '2026-02-26')

create or replace view staging.tenant_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.tenants;

create or replace view staging.depot_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.depots;

-- Two columns were among the further ones of the file before they had a place of their own.
create or replace view staging.vehicle_ranges as
select
    * replace (
        coalesce(target_km_per_day, try_cast(extra ->> 'target_km_per_day' as double)) as target_km_per_day,
        coalesce(reporting_interval_s, try_cast(extra ->> 'reporting_interval_s' as double)) as reporting_interval_s
    ),
    coalesce(valid_from, date '-infinity') as from_date,
    least(
        coalesce(valid_to, date 'infinity'),
        coalesce(
            lead(valid_from) over (partition by tenant_id, vehicle_id order by valid_from nulls first), date 'infinity'
        )
    ) as to_date
from core.vehicles;

create or replace view staging.driver_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.drivers;

create or replace view staging.card_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.cards;

create or replace view staging.device_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.registered_devices;

create or replace view staging.station_ranges as
select *, coalesce(valid_from, date '-infinity') as from_date, coalesce(valid_to, date 'infinity') as to_date
from core.stations;

create or replace macro core.tenants_on(day) as table
select * exclude (from_date, to_date) from staging.tenant_ranges where day >= from_date and day < to_date;

create or replace macro core.depots_on(day) as table
select * exclude (from_date, to_date) from staging.depot_ranges where day >= from_date and day < to_date;

create or replace macro core.vehicles_on(day) as table
select * exclude (from_date, to_date) from staging.vehicle_ranges where day >= from_date and day < to_date;

create or replace macro core.drivers_on(day) as table
select * exclude (from_date, to_date) from staging.driver_ranges where day >= from_date and day < to_date;

create or replace macro core.cards_on(day) as table
select * exclude (from_date, to_date) from staging.card_ranges where day >= from_date and day < to_date;

create or replace macro core.devices_on(day) as table
select * exclude (from_date, to_date) from staging.device_ranges where day >= from_date and day < to_date;

create or replace macro core.stations_on(day) as table
select * exclude (from_date, to_date) from staging.station_ranges where day >= from_date and day < to_date;
