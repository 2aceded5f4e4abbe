-- What the parts of core.fuel_lines share: distances, addresses, and local times that may be doubled or missing.

create or replace temp macro fuel_metres(latitude_a, longitude_a, latitude_b, longitude_b) as
    2 * 6371008.8 * asin(sqrt(least(1,
        pow(sin(radians(latitude_b - latitude_a) / 2), 2)
        + cos(radians(latitude_a)) * cos(radians(latitude_b)) * pow(sin(radians(longitude_b - longitude_a) / 2), 2)
    )));

create or replace temp macro fuel_address(address) as
    nullif(trim(regexp_replace(upper(address), '[^A-Z0-9]+', ' ', 'g')), '');

-- The local time of an instant, and how far it is ahead of UTC.
create or replace temp macro fuel_local(instant, zone) as (instant at time zone 'UTC') at time zone zone;

create or replace temp macro fuel_ahead(instant, zone) as fuel_local(instant, zone) - instant;

-- The instants that a local time may be, earlier first: two in a doubled hour, none in a missing one. The offsets of a
-- day before and a day after are those on both sides of a change of the clock.
create or replace temp macro fuel_instants(local_time, zone) as
    list_sort(list_distinct(list_filter(
        [
            local_time - fuel_ahead(local_time - interval 1 day, zone),
            local_time - fuel_ahead(local_time + interval 1 day, zone)
        ],
        lambda instant: fuel_local(instant, zone) = local_time
    )));

-- A local time that no clock showed, moved forward by what the clock skipped.
create or replace temp macro fuel_moved_forward(local_time, zone) as
    local_time - fuel_ahead(local_time - interval 1 day, zone);

-- The first instant of a local date: midnight, or what came after it where the clock skipped midnight.
create or replace temp macro fuel_day_start(local_date, zone) as
    coalesce(
        fuel_instants(local_date::timestamp, zone)[1],
        fuel_moved_forward(local_date::timestamp, zone)
    );
