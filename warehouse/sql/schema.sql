-- Every table of the warehouse, with unit and meaning. Can be run at every start.
--
-- Units are in names: _us microseconds, _s seconds, _m metres, _l litres, _kg kilograms; shares are 0 to 1.
-- Instants are UTC and end in _utc; money is decimal beside a currency.
--
-- A change to this file makes core and marts anew (warehouse/connection.py), from rows of the lake by decoder 1.

create schema if not exists core;
create schema if not exists staging;
create schema if not exists marts;
create schema if not exists lake;

-- ------------------------------------------------------------------ dimensions, imported

-- Of dimensions with valid_from and valid_to the row that holds on the service date counts, everywhere; rows of one thing
-- never overlap. core.vehicles_on(date), core.depots_on(date) and so on give them.

-- Whose vans they are, and how they count and read.
create table if not exists core.tenants (
    tenant_id varchar not null,
    name varchar,
    timezone varchar,                   -- IANA name; of vans whose depot is not known. Null: ODOGRAPH_TIMEZONE
    currency varchar,                   -- ISO 4217
    units varchar,                      -- us or metric: in which they read; null: us
    locale varchar,                     -- such as en-US
    week_start varchar,                 -- English weekday, small letters; null: sunday. The newest row counts, for all weeks
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json                          -- other columns of the file
);

create table if not exists core.vehicles (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    fuel_type varchar,                  -- gasoline, diesel, electric, ...
    tank_l double,                      -- litres
    gvwr_lb double,                     -- gross vehicle weight rating, pounds (it decides which rules apply)
    idle_l_per_h double,                -- litres an hour at idle; null: the table of docs/definitions.md
    fixed_cost_per_day decimal(18, 4),  -- lease, insurance, devices
    package_capacity integer,
    status varchar,                     -- active, workshop, out_of_service or sold (off the books); null: active
    vin varchar,                        -- vehicle identification number, capital letters
    plate varchar,                      -- licence plate
    lease_from date,                    -- first date of the lease or rental; on the books from here. Null: no such date
    lease_to date,                      -- exclusive; on the books up to here
    target_km_per_day double,           -- the distance it should cover (K4), kilometres
    reporting_interval_s double,        -- of its tracker, where core.registered_devices does not say, seconds
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json                          -- other columns of the file
);

create table if not exists core.depots (
    tenant_id varchar not null,
    depot_id varchar not null,
    timezone varchar not null,          -- IANA name
    latitude double,                    -- degrees; null: the place is not known
    longitude double,
    radius_m double,                    -- of the geofence
    window_start time,                  -- local; vans are available from here
    window_end time,                    -- to here
    wage_per_h decimal(18, 4),
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json
);

create table if not exists core.drivers (
    tenant_id varchar not null,
    driver_id varchar not null,
    name varchar,
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json
);

-- Fuel cards. Which van has one when is in core.assignments.
create table if not exists core.cards (
    tenant_id varchar not null,
    card_id varchar not null,           -- as the provider calls it; never the number on it
    provider varchar,
    last4 varchar,                      -- the last four digits of the number on it
    status varchar,                     -- active, blocked, ... as the file words it
    limit_per_purchase decimal(18, 4),  -- money
    limit_per_day decimal(18, 4),       -- money
    currency varchar,                   -- of the two limits, ISO 4217
    purchases_per_day integer,          -- how many are allowed
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json
);

-- Trackers and handhelds by what they are. Which van carries one when is in core.assignments.
create table if not exists core.registered_devices (
    tenant_id varchar not null,
    device_id varchar not null,
    model varchar,                      -- of the device, as its maker calls it
    adapter varchar,                    -- the format it speaks, as lake.positions.source_format
    reporting_interval_s double,        -- how often it reports under way, seconds; decides how long a silence is known time
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json
);

create table if not exists core.assignments (
    tenant_id varchar not null,
    kind varchar not null,              -- device, card, driver or depot
    id varchar not null,                -- of that kind
    vehicle_id varchar not null,
    subject_id varchar not null,        -- what is assigned once at a time: the device, card or driver; of a depot, the van
    from_utc timestamp not null,
    to_utc timestamp not null,          -- exclusive; far in the future: still so
    extra json
);

create table if not exists core.stations (
    station_id varchar not null,
    name varchar,
    latitude double not null,
    longitude double not null,
    state varchar,
    timezone varchar,
    valid_from date,                    -- the first date of this row; null: always
    valid_to date,                      -- exclusive; null: still so
    extra json
);

create table if not exists core.prices (
    region varchar not null,
    product varchar not null,
    from_date date not null,
    price decimal(18, 6) not null,      -- per unit
    unit varchar not null,              -- gal, l, kwh
    currency varchar not null,
    extra json
);

-- When a driver was at work, and for how long unpaid.
create table if not exists core.timeclock (
    tenant_id varchar not null,
    driver_id varchar not null,
    service_date date not null,         -- the day the hours are paid for
    clock_in_utc timestamp not null,
    clock_out_utc timestamp not null,
    unpaid_break_s double,              -- null: none
    extra json
);

-- What the handhelds of a route counted; null: not counted.
create table if not exists core.deliveries (
    tenant_id varchar not null,
    service_date date not null,
    route_id varchar not null,
    vehicle_id varchar not null,
    completed_stop_count integer,
    dispatched_package_count integer,
    delivered_package_count integer,
    extra json
);

-- Areas of people's own, beside the outlines that come with the program; one of those gives way to rows of its id.
create table if not exists core.jurisdictions (
    jurisdiction_id varchar not null,
    name varchar,                       -- of the part of it that this row is
    geometry json not null,             -- GeoJSON Polygon or MultiPolygon
    margin_m double not null,           -- a place nearer to the outline than this does not count as inside
    south double not null,              -- the box around it, degrees
    north double not null,
    west double not null,
    east double not null,
    extra json
);

-- ------------------------------------------------------------------ plans, current version

create table if not exists core.planned_routes (
    tenant_id varchar not null,
    depot_id varchar not null,
    service_date date not null,
    route_id varchar not null,
    vehicle_id varchar not null,
    driver_id varchar,
    role varchar not null,              -- primary or rescue
    issued_utc timestamp,
    planned_exit_utc timestamp,
    planned_return_utc timestamp,
    planned_stop_count integer,
    planned_package_count integer,
    stops json                          -- [{seq, lat, lon, planned_service_s, packages}]
);

-- From when to when the fixes of a van take the service date of its plan; windows of a van never overlap.
create table if not exists core.plan_windows (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    from_utc timestamp not null,
    to_utc timestamp not null,          -- exclusive; later than planned where the van returned later
    planned_to_utc timestamp not null,  -- six hours after the planned return, or half way to the next exit
    latest_utc timestamp not null       -- no return moves the end further
);

-- ------------------------------------------------------------------ what is left to do, and what was done

-- How far each spool has been taken into account here.
create table if not exists core.absorbed (
    spool_id varchar primary key,
    segment_no bigint not null
);

-- How many positions of each device the lake holds, by UTC date; a date is counted anew when rows of it come.
create table if not exists core.device_dates (
    tenant_id varchar not null,
    device_id varchar not null,
    fix_date date not null,
    position_count bigint not null,     -- repeats left out
    backlog_count bigint not null,      -- of them sent after a dead zone, and never live
    primary key (tenant_id, device_id, fix_date)
);

-- What was ever heard of each device. Brought forward with new rows of the lake, never from all of them; `rank` is what
-- decides which of two fixes or states is the newer one.
create table if not exists core.devices (
    tenant_id varchar not null,
    device_id varchar not null,
    first_seen_utc timestamp not null,  -- received
    last_seen_utc timestamp,            -- received; null: only its last will, or what a broker had kept, was
    fix struct(                         -- the newest live one
        fix_utc timestamp, received_utc timestamp, latitude double, longitude double, ignition boolean,
        battery_v double, charge_pct double, boot bigint, source_format varchar,
        rank struct(fix_ms bigint, boot bigint, seq bigint, hash bigint)
    ),
    status struct(                      -- the newest birth or last will; since null: kept by a broker, time not known
        connection varchar, since_utc timestamp, boot bigint,
        rank struct(boot bigint, received_us bigint, hash bigint)
    ),
    firmware struct(version varchar, rank struct(boot bigint, received_us bigint)),
    primary key (tenant_id, device_id)
);

-- Which erasures this warehouse went through; one that lacks some was restored, or is new. Kept.
create table if not exists core.erasures (
    erasure_id varchar primary key      -- its number in the register: E1, E2, …
);

-- Vehicle-dates that are never measured again, because their positions were thinned, erased or have expired. Kept.
create table if not exists core.frozen_dates (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    why varchar not null,               -- thinning (under way), thinned, erased, expired
    frozen_utc timestamp not null,      -- when that was decided
    primary key (tenant_id, vehicle_id, service_date)
);

-- Positions that came for a frozen vehicle-date: quarantined as date_frozen and shown as rejects, never as positions.
-- Kept; holds no place and no payload.
create table if not exists core.frozen_rejects (
    tenant_id varchar not null,
    vehicle_id varchar not null,        -- as resolved when they came, likewise the date
    service_date date not null,
    device_id varchar not null,
    fix_date date not null,             -- UTC date of the fix: the partition of the lake it lies in
    received_utc timestamp not null,    -- when the collector took it
    spool_id varchar not null,          -- the spool its message came through
    segment_no bigint not null,         -- number of its segment there
    payload_hash bigint not null,       -- hash of the payload of its message
    point_index integer not null,       -- number of its place in the message, from 0
    is_dropped boolean not null         -- no longer in the lake
);

-- How long each tenant wants each kind of data kept, where that is not the default of warehouse/retention.toml. Kept.
create table if not exists core.retention (
    tenant_id varchar not null,
    data varchar not null,              -- a kind of warehouse/retention.toml
    keep_days integer not null,         -- number of days; what is older is thinned, cut or deleted
    reason varchar,                     -- why this tenant differs
    extra json                          -- other columns of the file
);

-- Vehicle-dates to rebuild. Emptied date by date, in the transaction that rebuilds.
create table if not exists core.reopened (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    reason varchar not null,            -- positions, rejects, plan, window, import, full, backfill; idle_rate: only its marts
    noted_utc timestamp not null,
    spool_id varchar,                   -- where the news came from; null: not from a message
    first_segment_no bigint,            -- the first and last segment of that spool with news
    last_segment_no bigint
);

create or replace view staging.reopened_vans as
select distinct tenant_id, vehicle_id, service_date from core.reopened;

-- One row each time the content of a vehicle-date changed; its revision number counts them. Never rebuilt: it is the
-- only record of what the numbers were before. When things arrived and how late they were is not content.
create table if not exists core.revisions (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    revision integer not null,          -- 1: measured for the first time
    revised_utc timestamp not null,
    code_version varchar not null,
    reasons varchar[] not null,         -- positions, rejects, plan, window, import, full, backfill; sorted
    segments varchar[] not null,        -- spool/number or spool/first-last, where the news came from; sorted
    changed varchar[] not null,         -- which tables of core have other rows than in the revision before, sorted
    changes json not null,              -- {measure: [before, after]} of the measures below that differ
    first_fix_utc timestamp,            -- this and the following as of this revision; null: nothing left of it
    last_fix_utc timestamp,
    position_count bigint,              -- accepted
    drive_s double,
    idle_s double,
    ready_s double,
    off_s double,
    parked_s double,
    unknown_s double,
    distance_m double,
    stop_count bigint,
    fuel_used_l double,
    level_used_pct double,
    refuel_count bigint,
    contents map(varchar, varchar)      -- {table of core: digest of its rows}; null: nothing left
);

-- Which set of CO2 factors is in use, by its name in core.co2_factors; one row, written at every start.
create table if not exists core.co2_choice (
    name varchar not null
);

-- What a published copy is: one row in each copy, none in the private file. All tables of a copy are of this generation.
create table if not exists core.generation (
    generation_id varchar not null,     -- sorts as time does; never the same twice, never smaller than one before
    published_utc timestamp not null,
    code_version varchar not null,
    schema_digest varchar,              -- of the schema its tables were made with
    newest_load_id bigint               -- the last row of core.loads it contains; null: nothing was ever loaded
);

-- Which version of each table of the lake the views of a published copy read; none in the private file.
create table if not exists core.lake_versions (
    table_name varchar not null,
    version bigint not null             -- of the Delta table
);

create table if not exists core.imports (
    dimension varchar not null,
    path varchar not null,
    row_count bigint not null,
    imported_utc timestamp not null
);

-- One row per tenant of each rebuild of a service date: what made the rows of that date in core and in the dated marts.
-- Those of a tenant are by its newest load of that date.
create table if not exists core.loads (
    load_id bigint not null,            -- counts rebuilds; the tenants of one rebuild share it
    tenant_id varchar not null,
    service_date date not null,
    rebuilt_utc timestamp not null,
    vehicle_date_count integer not null, -- measured anew; 0: only the marts were built again
    position_count bigint not null,     -- accepted positions of those
    code_version varchar not null,
    reasons varchar[] not null,         -- why: those of core.reopened; held_back: tried again, without news
    segments varchar[] not null,        -- spool/number or spool/first-last with news, sorted
    seconds double not null,            -- of the whole rebuild, all tenants
    schema_digest varchar not null,     -- of schema.sql, likewise the following: first 12 hexadecimal digits of SHA-256
    models_digest varchar not null,     -- of everything the marts are built from
    definitions_digest varchar not null, -- of definitions.toml
    checks_digest varchar not null      -- of the checks that it passed
);

-- Ranges of service dates that somebody asked to have measured anew. What of one is done is in core.loads, by the reason
-- backfill. Kept.
create table if not exists core.backfills (
    backfill_id bigint not null,        -- counts them
    from_date date not null,            -- first service date
    to_date date not null,              -- last service date
    only_tenant varchar,                -- the tenant it is of; null: each
    code_version varchar not null,      -- that began it
    began_utc timestamp not null,
    ended_utc timestamp                 -- every date was tried; null: under way, or cut short
);

-- Service dates of a tenant that did not pass: its rows of that date in core and the dated marts are those of its newest
-- load. Tried again by every refresh until it passes.
create table if not exists core.held_back (
    tenant_id varchar not null,
    service_date date not null,
    check_name varchar not null,        -- a check of severity error
    row_count bigint not null,          -- rows that should not exist, at the last try
    found_utc timestamp not null,       -- first found; until then all was well
    primary key (tenant_id, service_date, check_name)
);

-- What each check said of each tenant and service date when it was last asked; 0 rows: passed. Of a date that is held
-- back it is what the rejected rows were like, not those that are kept.
create table if not exists core.check_results (
    tenant_id varchar not null,
    service_date date not null,
    check_name varchar not null,        -- file in warehouse/sql/checks
    severity varchar not null,          -- error: holds the date back; warn: is shown
    row_count bigint not null,          -- rows that should not exist
    checked_utc timestamp not null,     -- when it was asked
    sample json                         -- up to three of those rows; null: none
);

-- What each check asserts; written in the first lines of the files in warehouse/sql/checks.
create table if not exists core.checks (
    check_name varchar not null,        -- file in warehouse/sql/checks
    severity varchar not null,          -- error: holds the date back; warn: is shown
    meaning varchar not null            -- what holds where it passes
);

-- What people said about flags; append-only, the last row counts. The key is line and rule, so a review stays whatever
-- is imported or rebuilt.
create table if not exists core.fuel_reviews (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    rule_id varchar not null,
    state varchar not null,             -- open, explained, confirmed, dismissed
    reviewer varchar not null,
    note varchar,
    reviewed_utc timestamp not null
);

-- What became of each flag; append-only, never computed anew.
create table if not exists core.fuel_flag_history (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    rule_id varchar not null,
    rule_version integer not null,
    changed_utc timestamp not null,
    change varchar not null,            -- opened, changed, closed, reopened, reviewed
    why varchar not null,               -- first evaluation, late GPS, later version, assignment, rule version, other, review
    state varchar not null,             -- as of then
    severity varchar not null,
    explanation varchar not null,       -- as of then; of a closed flag the last one
    evidence json not null,
    is_provisional boolean,
    basis struct(version varchar, vehicle varchar, positions varchar, rule varchar) -- what it was judged by; of a review null
);

-- What may not be deleted, because it may be needed as evidence. A copy of the register of the data directory.
create table if not exists core.holds (
    hold_id varchar not null,
    tenant_id varchar not null,
    kind varchar not null,              -- vehicle or driver
    subject_id varchar not null,        -- of that vehicle or driver
    from_date date,                     -- first service date; null: from the beginning
    to_date date,                       -- inclusive; null: open
    reason varchar not null,
    placed_by varchar not null,
    placed_utc timestamp not null,
    released_by varchar,
    released_utc timestamp              -- null: it holds
);

-- Who drove which van on which service dates, as far as plans, routes and assignments tell; an assignment counts from
-- the date before it began to the date it ended, because the zone and the plan decide the rest.
create or replace view core.driven_dates as
select tenant_id, driver_id, vehicle_id, service_date as from_date, service_date as to_date
from core.planned_routes
where driver_id is not null
union
select tenant_id, id as driver_id, vehicle_id, from_utc::date - 1 as from_date, to_utc::date as to_date
from core.assignments
where kind = 'driver';

-- Which service dates of which van are held, by which hold.
create or replace view core.held_dates as
select
    holds.hold_id,
    holds.tenant_id,
    coalesce(driven.vehicle_id, holds.subject_id) as vehicle_id,
    greatest(coalesce(holds.from_date, date '1970-01-01'), coalesce(driven.from_date, date '1970-01-01')) as from_date,
    least(coalesce(holds.to_date, date '9999-12-31'), coalesce(driven.to_date, date '9999-12-31')) as to_date
from core.holds as holds
left join core.driven_dates as driven
    on holds.kind = 'driver'
    and driven.tenant_id = holds.tenant_id
    and driven.driver_id = holds.subject_id
where holds.released_utc is null
    and (holds.kind = 'vehicle' or driven.vehicle_id is not null)
    and greatest(coalesce(holds.from_date, date '1970-01-01'), coalesce(driven.from_date, date '1970-01-01'))
        <= least(coalesce(holds.to_date, date '9999-12-31'), coalesce(driven.to_date, date '9999-12-31'));

-- ------------------------------------------------------------------ core: measured by the kernels

-- One row per tenant, service date, vehicle: what is measured once a day.
create table if not exists core.vehicle_dates (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    depot_id varchar,
    timezone varchar not null,          -- zone the service date was taken in
    first_fix_utc timestamp not null,
    last_fix_utc timestamp not null,
    last_placed_utc timestamp,          -- the last fix with a good place; null: none had one
    last_latitude double,               -- of that fix, degrees
    last_longitude double,
    last_place_precision_m integer,     -- 0: as measured; 1000: a cell of a 1 km grid, as the last place may be a home; -1: not shown
    received_count bigint not null,     -- rows in the lake, repeats included
    accepted_count bigint not null,     -- after repeats
    duplicate_count bigint not null,    -- same key, same content
    conflict_count bigint not null,     -- same key, other content
    low_quality_count bigint not null,  -- Q2
    jump_count bigint not null,         -- Q4
    median_interval_s double,
    longest_gap_s double,
    median_delay_s double,              -- received after the fix
    p95_delay_s double,
    peak_messages_per_min bigint,       -- received in one minute; replays and bursts after a dead zone count
    distance_m double not null,
    distance_source varchar not null,   -- odometer, gps, speed or none
    fuel_used_l double,                 -- from a cumulative counter, its first reading to its last; null without one
    fuel_sigma_l double,                -- standard error of that: a counter moves in steps
    fuel_distance_m double,             -- driven between those two readings
    counted_idle_us bigint,             -- idle, power take-off off, as measured by the counter; null where it cannot
    counted_idle_l double,              -- and what was burnt in it
    level_first_pct double,             -- fuel gauge, percent of the tank: the first level that is known
    level_last_pct double,              -- and the last
    level_last_utc timestamp,           -- a reading in the middle of those of the last level
    level_used_pct double,              -- burnt between the two, refuels taken into account
    level_sigma_pct double,             -- standard error of one level; burnt is made of 2, and 2 more for each refuel
    level_distance_m double,            -- driven between the two
    refuel_count bigint,                -- while it was heard; null without a gauge
    energy_used_kwh double,             -- out of the traction battery, from a cumulative counter; null without one
    quality_flags varchar[] not null
);

-- What of a vehicle-date is shown at the places it was at; its positions outside of this are shown without a place.
create table if not exists core.place_guards (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    shown_from_utc timestamp,           -- the scheduled window with an hour on both sides; null: all of it
    shown_to_utc timestamp,             -- exclusive
    homes struct(latitude double, longitude double)[] not null -- where it stood overnight away from a depot: cells of 1 km
);

-- One row per maximal run of one state, split where context, phase, route or power take-off changes. The root of all time measures.
create table if not exists core.ledger (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    started_utc timestamp not null,
    ended_utc timestamp not null,
    duration_us bigint not null,
    state varchar not null,             -- off unknown idle drive ready parked
    context varchar not null,           -- drive traffic hand_off depot fuel_site break other
    route_id varchar,
    phase varchar not null,             -- pre stem_out on_route stem_back post none
    is_continued boolean not null,      -- the run before it has the same state
    distance_m double not null,
    latitude double,                    -- where the run began, degrees; null: no place known
    longitude double,
    place_precision_m integer,          -- 0: as measured; 1000: a cell of a 1 km grid, near an overnight stand; -1: not shown; null: not known
    fuel_l double,                      -- from a cumulative counter; null without one
    energy_kwh double,                  -- likewise, out of the traction battery
    is_pto boolean not null,            -- the van reported its power take-off as working
    is_full_quality boolean not null,   -- every fix of the run is good to 50 m, and there is at least one
    jurisdictions varchar[] not null    -- of an idle run: whose rules surely hold where it began, sorted; else empty
);

-- One row per park episode that is a stop.
create table if not exists core.stops (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    route_id varchar,
    arrived_utc timestamp not null,
    departed_utc timestamp not null,
    duration_us bigint not null,
    engine_on_us bigint not null,
    kind varchar not null,              -- planned unplanned depot fuel_site break
    planned_seq integer,                -- its own planned stop; of a second visit the nearest one
    planned_stop_count integer not null, -- planned stops served from here (a group stop has more than one)
    match_distance_m double,            -- to that planned stop
    latitude double,
    longitude double,
    place_precision_m integer           -- see core.ledger
);

-- One row per planned stop of a vehicle-date that has positions.
create table if not exists core.planned_stops (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    route_id varchar not null,
    planned_seq bigint not null,
    latitude double not null,           -- of the planned place, degrees
    longitude double not null,
    arrived_utc timestamp,              -- null: no park episode served it
    departed_utc timestamp,
    match_distance_m double,            -- to the mean place of the episode
    is_group boolean not null           -- the episode served other planned stops too
);

-- One row per tenant, service date, route, vehicle: its phases.
create table if not exists core.route_phases (
    tenant_id varchar not null,
    service_date date not null,
    route_id varchar not null,
    vehicle_id varchar not null,
    is_planned boolean not null,        -- false: known from route_id in the messages only
    depot_exit_utc timestamp,
    first_stop_utc timestamp,
    last_stop_utc timestamp,            -- departure from the last served stop
    depot_return_utc timestamp,
    segment_count integer,              -- parts between stands at the depot, 0 without a served stop; null: not known
    served_stop_count integer not null, -- park episodes outside depot and fuel sites
    completed_stop_count integer,       -- planned stops with a park episode; null without planned places or where sampling is too coarse
    quality_flags varchar[] not null
);

-- ------------------------------------------------------------------ core: fuel-card purchases

-- One row per line of a fuel-card transaction: its current version, with time, site, van and driver resolved.
create table if not exists core.fuel_lines (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    event_type varchar not null,        -- of the last version
    seq varchar,                        -- the provider's order of versions
    version_count integer not null,
    first_event_type varchar not null,
    is_final boolean not null,          -- cleared, posted or adjusted
    has_auth boolean not null,
    has_decline boolean not null,
    is_reversed boolean not null,       -- cancelled, or the whole quantity taken back
    is_order_unknown boolean not null,  -- another version differs, and neither sequence nor stage nor posting date tells which is later
    line_kind varchar,                  -- fill charge non_fuel credit pending void decline; null: what was bought is not known
    service_date date,                  -- local date of the purchase
    at_utc timestamp,                   -- null where only a date or nothing is known
    at_utc_alternative timestamp,       -- the later of the two instants of a doubled hour
    ts_quality varchar,                 -- exact, offset, site_local, date_only; null: no time known
    time_source varchar not null,       -- offset (or a zone in the record), site, state, provider, none
    zone varchar,                       -- IANA name; null: not known
    is_time_moved boolean not null,     -- a local time that no clock showed, moved forward
    from_utc timestamp,                 -- the local day of a date_only record
    to_utc timestamp,                   -- exclusive
    ts_utc timestamp,                   -- as the record says, likewise the following
    ts_local varchar,
    tz varchar,
    provider_tz varchar,
    posted_date date,
    vehicle_id varchar,                 -- whose card it was at that time, else the typed reference
    match_method varchar,               -- card, vehicle_ref; null: not resolved
    driver_id varchar,                  -- the typed reference, where such a driver is known
    is_card_known boolean,              -- assigned at that time; null: none given, or no cards known at all
    is_vehicle_known boolean,           -- likewise of the typed vehicle
    is_driver_known boolean,
    vehicle_fuel_type varchar,          -- as registered on that date
    tank_l double,
    vehicle_options json,               -- other columns of the vehicles' file
    card_options json,                  -- other columns of the assignments' file
    card_id varchar,
    card_last4 varchar,
    vehicle_ref varchar,
    driver_ref varchar,
    site_id varchar,
    site_name varchar,
    address varchar,
    city varchar,
    state varchar,
    postcode varchar,
    site_latitude double,               -- the best known place of the site, degrees
    site_longitude double,
    site_source varchar not null,       -- record, station, none
    geo_quality varchar,                -- provider, station, geocoded, city (never used for a distance)
    station_id varchar,                 -- of core.stations
    station_name varchar,
    station_distance_m double,          -- from the place in the record to the station
    code_set varchar,
    product_code varchar,
    product_raw varchar,
    product varchar,
    fuel_family varchar,                -- gasoline diesel e85 cng lpg lng electricity def other; null: no fuel, or not known
    quantity decimal(18, 6),
    unit varchar,
    quantity_l double,                  -- litres; null for what is not a liquid
    unit_price decimal(18, 6),
    price_per_l decimal(18, 6),
    gross decimal(18, 6),               -- as adjustments leave it, likewise the following
    discount decimal(18, 6),
    tax decimal(18, 6),
    exempt_tax decimal(18, 6),
    fees decimal(18, 6),
    net decimal(18, 6),
    currency varchar,
    odometer_typed bigint,
    odometer_unit varchar,
    service_type varchar,
    auth_code varchar,
    batch_id varchar,
    source_file varchar,
    source_row bigint,
    extra varchar,                      -- other keys of the record, as JSON
    is_fuel boolean,                    -- as decoding found it, likewise the following; null: not known
    flags varchar,                      -- comma separated, sorted
    content_hash bigint,
    payload_hash bigint                 -- of the last version
);

-- One row per line and van: always the assigned one, others that were near the site. Measured by kernels.presence.
create table if not exists core.fuel_presence (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    vehicle_id varchar not null,
    candidate integer not null,         -- 1, or 2: the later instant of a doubled hour
    is_assigned boolean not null,
    fix_count_60 integer not null,      -- fixes within 60 min of the purchase; of another van those within 805 m only
    fix_count_15 integer not null,
    fix_count_3 integer not null,
    nearest_10_m double,                -- smallest distance from a fix to the site within 10 min
    nearest_15_m double,
    nearest_60_m double,
    nearest_offset_s double,            -- time of the nearest fix within 60 min, less that of the purchase
    day_nearest_m double,               -- this and the following of the assigned van only; within the local day
    day_fix_count integer,
    min_speed_3_kmh double,             -- within 3 min
    engine_on_site_s double,            -- engine on within 250 m of the site, within 15 min; null: engine not known there
    level_before_pct double,            -- median of the last up to 5 levels of the 30 min before
    level_before_age_s double,          -- purchase less the newest of them
    level_after_pct double,             -- median of the first up to 5 levels from 5 to 30 min after
    level_after_age_s double,           -- the first of them less the purchase
    level_count_day integer,            -- different levels of the local day
    level_span_day_pct double,
    odometer_m double,                  -- of the vehicle, nearest in time within 15 min
    shift_h integer,                    -- whole hours to move the purchase by so that the van was within 100 m
    could_be_unseen boolean             -- a silence was long enough to drive to the site, fuel and drive on
);

-- What the rows of core.fuel_presence of a line were measured from; another digest measures them anew.
create table if not exists core.fuel_evaluations (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    inputs varchar not null             -- digest of time, place, van, and the vehicle-dates of the tenant around it
);

-- What core.fuel_lines was made of and what it was then; where either differs it is made anew. One row.
create table if not exists core.lines_stamp (
    digest varchar not null             -- of versions, lists, programs and lines
);

-- One row per rise of the fuel gauge while the van stood. Rises between two dates are in marts.refuels only.
create table if not exists core.refuels (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,
    started_utc timestamp not null,     -- the last reading before
    ended_utc timestamp not null,       -- the first reading after
    from_pct double not null,           -- level around each, percent of the tank
    to_pct double not null,
    litres double,                      -- null where the tank is not registered
    latitude double,                    -- where the van stood; null: no place known, or not shown
    longitude double,
    place_precision_m integer           -- see core.ledger
);

-- ------------------------------------------------------------------ marts: read by people

-- What counts as idling under each definition; written in warehouse/definitions.toml.
create table if not exists marts.definitions (
    definition_id varchar not null,
    version integer not null,
    kind varchar not null,              -- operational: a fleet or a vendor counts so; legal: a jurisdiction limits so
    wording varchar not null,
    threshold_s integer not null,       -- seconds a run must last to count
    bound varchar not null,             -- at_least: a run of just the threshold counts; more_than: it does not
    counts_first boolean not null,      -- whether the time up to the threshold counts as well
    window_s integer not null,          -- idle time inside every window of this length is added up; 0: one run alone
    min_intervals integer not null,     -- the threshold is never below so many median fix intervals of the van
    known_place_threshold_s integer,    -- at the depot and at fuel stations, where it differs
    pto_counts boolean not null,        -- whether idling with the power take-off on counts; if not, it ends a run
    ignored_contexts varchar[] not null, -- do not count; depot_before_exit: the depot before the planned exit
    measured_on varchar not null,       -- idle_runs; stands: standing whatever the engine does, the idle part counts
    jurisdiction varchar,               -- where it holds, an id of core.ledger.jurisdictions; null: everywhere
    place varchar,                      -- its name
    min_gvwr_lb double,                 -- it holds for vans rated above this; null: for all
    fuels varchar[],                    -- it holds for these fuel types; null: for all; legal ones never for electric
    valid_from date,
    valid_to date,                      -- exclusive
    exceptions_note varchar,            -- which exceptions are known to the ledger and which are not
    source varchar not null             -- S numbers are those of the domain reference
);

-- Where every number of the marts comes from; written in warehouse/lineage.toml, and true by test.
create table if not exists marts.lineage (
    table_name varchar not null,        -- of schema marts
    column_name varchar not null,       -- a numeric column of it
    formula varchar,                    -- SQL: of columns of its own row, or of rows of `source`; null: see `source`
    terms varchar[] not null,           -- names in the formula: columns of its own row and look-ups
    source varchar,                     -- the rows it is made of; $day: the service date. Null: its own row
    filter varchar,                     -- which of them, beside those with the key of its row; null: all
    kpi varchar,                        -- K number of docs/definitions.md
    definition_id varchar               -- rule of idling in marts.definitions
);

create table if not exists marts.vehicle_days (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    revision integer not null,          -- how often the content of this vehicle-date changed, see core.revisions
    depot_id varchar,
    first_fix_utc timestamp not null,
    last_fix_utc timestamp not null,
    engine_on_s double not null,        -- drive + idle
    drive_s double not null,
    idle_s double not null,             -- engine on, standing
    pto_s double not null,              -- part of idle_s: with the power take-off on, in no idle event
    ready_s double not null,            -- electric, ready and standing: not idle
    off_s double not null,
    parked_s double not null,           -- standing, engine state not known
    unknown_s double not null,          -- silence; never counted as anything else
    known_s double,                     -- drive + idle + off + ready + parked
    observed_s double,                  -- known and unknown: from the first fix to the last
    coverage double,                    -- known_s / observed_s, 0 to 1 (K22)
    engine_coverage double,             -- the same without parked
    distance_m double not null,
    distance_source varchar not null,
    stop_count integer not null,
    idle_event_count integer not null,  -- idle runs of at least 120 s, power take-off off
    excess_idle_s double not null,      -- their full duration (K12)
    long_idle_event_count integer not null, -- of at least 300 s
    long_idle_s double,                 -- their full duration
    available_window_s double,          -- the depot's window
    time_utilization double,            -- engine_on_s / available_window_s (K3); null without a window
    scheduled_from_utc timestamp,       -- the depot's window, without one from planned exit
    scheduled_to_utc timestamp,         -- to planned return; null without either
    window_known_s double,              -- coverage inside the scheduled window: numerator (K22)
    window_observed_s double,           -- and denominator
    window_coverage double,
    after_hours_m double,               -- driven more than 60 min outside the scheduled window (K28)
    target_distance_m double,           -- target_km_per_day of the van that day, metres
    distance_utilization double,        -- distance_m / target_distance_m (K4)
    idle_share double,                  -- idle_s / engine_on_s (K11); null for an electric van, which has ready_s
    engine_productivity double,         -- 1 - idle_share (K6)
    unplanned_stop_count integer,       -- stands of 10 min or more away from depot, plan and fuel site (K27)
    unplanned_stop_s double,            -- how long they were
    fuel_type varchar,                  -- as registered
    fuel_used_l double,                 -- from one source
    fuel_used_source varchar,           -- counter, level (the gauge, refuels taken into account) or none
    fuel_used_sigma_l double,           -- standard error of it: steps of the counter; noise and steps of the gauge
    fuel_distance_m double,             -- driven while it was burnt: from the first reading of that source to its last
    fuel_l_per_100km double,            -- fuel_used_l over fuel_distance_m (K21)
    fuel_cost decimal(18, 4),
    level_first_pct double,             -- the gauge at the ends of the day
    level_last_pct double,
    refuel_count bigint,                -- rises of the gauge while the van was heard; null without a gauge
    energy_used_kwh double,             -- electric: out of the battery; never added to litres
    energy_kwh_per_km double,
    ready_energy_kwh double,            -- what of it was used standing and ready
    idle_fuel_l double,                 -- K13
    idle_fuel_source varchar,           -- counter, learned (the van's own, 28 days before), vehicle or table
    idle_cost decimal(18, 4),           -- K14
    currency varchar,
    co2_kg double,                      -- K23, at the tailpipe; null where the fuel is not known
    idle_co2_kg double,
    co2_factor_set varchar,             -- which factors were used
    quality_flags varchar[] not null
);

create table if not exists marts.route_days (
    tenant_id varchar not null,
    service_date date not null,
    route_id varchar not null,
    vehicle_id varchar not null,
    driver_id varchar,
    role varchar not null,
    depot_id varchar,
    planned_exit_utc timestamp,
    planned_return_utc timestamp,
    depot_exit_utc timestamp,
    first_stop_utc timestamp,
    last_stop_utc timestamp,
    depot_return_utc timestamp,
    segment_count integer,              -- 2: a second wave; 0: no served stop; null: not known
    route_time_s double,                -- depot exit to depot return
    planned_route_time_s double,
    route_utilization double,           -- K7
    on_route_s double,                  -- first arrival to last departure of every segment
    on_route_drive_s double,
    productive_share double,            -- on_route_s / route_time_s (K8)
    drive_s double not null,
    idle_s double not null,
    ready_s double not null,
    engine_on_s double not null,
    idle_share double,
    excess_idle_s double not null,
    off_s double not null,
    parked_s double not null,
    unknown_s double not null,
    known_s double,                     -- drive + idle + off + ready + parked
    observed_s double,                  -- known and unknown
    coverage double,                    -- known_s / observed_s, 0 to 1 (K22)
    distance_m double not null,
    stem_out_m double,
    stem_back_m double,
    stem_m double,
    stem_share double,                  -- K15
    stem_s double,                      -- K16: time in the stems of all segments; null without exit or return
    engine_productivity double,         -- 1 - idle_share (K6)
    stop_count integer not null,
    planned_stop_count integer,
    planned_package_count integer,
    package_capacity integer,           -- of the van
    capacity_utilization double,        -- planned_package_count / package_capacity (K5)
    completed_stop_count integer,       -- as scanned, else planned stops seen to be served; null: too coarse to see
    stop_completion double,             -- completed_stop_count / planned_stop_count (K19)
    dispatched_package_count integer,   -- as scanned, else as planned
    delivered_package_count integer,    -- as scanned; null without scans
    package_completion double,          -- delivered / dispatched (K19)
    counted_stop_count integer,         -- what K17, K18 and K25 divide by: completed, else seen; null: too coarse to see
    dwell_s double,                     -- on_route_s - on_route_drive_s: standing, at stops and otherwise
    mean_dwell_s double,                -- dwell_s / counted_stop_count (K17)
    dwell_basis varchar,                -- whose count of stops K17 and K18 divide by: scans, plan or detected
    stops_per_hour double,              -- per hour on route (K18)
    stops_per_route_hour double,        -- per hour from depot exit to depot return (K18)
    on_time_start boolean,              -- exit no later than planned + 5 min (K20)
    fuel_used_l double,                 -- counted over its runs, else that of the day of a van with one route
    fuel_used_source varchar,           -- counter, level or none
    fuel_used_sigma_l double,
    fuel_distance_m double,             -- driven while it was burnt
    fuel_l_per_100km double,            -- fuel_used_l over fuel_distance_m (K21)
    energy_used_kwh double,             -- electric: out of the battery
    energy_kwh_per_km double,
    co2_kg double,                      -- K23, at the tailpipe
    co2_kg_per_km double,
    co2_kg_per_stop double,
    co2_factor_set varchar,
    paid_s double,                      -- clocked less unpaid breaks, else estimated
    paid_source varchar,                -- timeclock or estimated; null: not known
    paid_productive_share double,       -- on_route_s / paid_s (K9)
    fuel_cost decimal(18, 4),
    wage_cost decimal(18, 4),
    fixed_cost decimal(18, 4),          -- the van's day, shared by its routes
    cost decimal(18, 4),                -- the three together, rounded once (K24)
    cost_per_stop decimal(18, 4),       -- K25
    cost_per_km decimal(18, 4),
    fuel_cost_per_km decimal(18, 4),    -- K26
    currency varchar,
    quality_flags varchar[] not null
);

create table if not exists marts.idle_events (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    route_id varchar,
    started_utc timestamp not null,
    ended_utc timestamp not null,
    duration_s double not null,
    context varchar not null,
    latitude double,
    longitude double,
    place_precision_m integer,          -- 0: as measured; 1000: a cell of a 1 km grid, near an overnight stand; -1: not shown; null: not known
    fuel_l double,
    cost decimal(18, 4),
    currency varchar,
    definition_id varchar not null,
    definition_version integer not null
);

create table if not exists marts.stops (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    route_id varchar,
    arrived_utc timestamp not null,
    departed_utc timestamp not null,
    duration_s double not null,
    engine_on_s double not null,
    kind varchar not null,
    planned_seq integer,
    planned_stop_count integer not null,
    match_distance_m double,            -- from the van's place to that of its own planned stop
    latitude double,
    longitude double,
    place_precision_m integer           -- 0: as measured; 1000: a cell of a 1 km grid, near an overnight stand; -1: not shown; null: not known
);

create table if not exists marts.planned_stops (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    route_id varchar not null,
    planned_seq bigint not null,
    latitude double not null,           -- of the planned place
    longitude double not null,
    arrived_utc timestamp,              -- null: not served, or not seen where sampling is too coarse
    departed_utc timestamp,
    duration_s double,
    match_distance_m double,
    is_group boolean not null           -- served together with others from one parking
);

create table if not exists marts.idle_by_definition (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    definition_id varchar not null,
    definition_version integer not null,
    idle_s double not null,             -- what core.idle_verdicts counts; 0 unless it applies
    event_count integer not null,
    engine_on_s double not null,
    utilization double,                 -- 1 - idle_s / engine_on_s, as this definition would print it
    engine_coverage double,             -- of the day: below 0.8 neither says how much the van idled
    applies boolean,                    -- legal: held for this van somewhere it idled that day; null: not known
    if_applied_s double not null,       -- idle_s if it held for every van and place
    if_applied_event_count integer not null
);

-- Idle runs over the limit of the jurisdiction they were in: possible events, leads and not proof.
create table if not exists marts.legal_idle_events (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    definition_id varchar not null,
    definition_version integer not null,
    jurisdiction varchar not null,
    route_id varchar,
    started_utc timestamp not null,     -- of the run that went over the limit
    ended_utc timestamp not null,
    duration_s double not null,         -- what is held against the limit: the run, or all idle inside the window
    limit_s double not null,
    excess_s double not null,           -- duration_s - limit_s
    window_s integer not null,          -- the window ends with the run; 0: the run alone
    latitude double,
    longitude double,
    wording varchar not null            -- one neutral sentence
);

create table if not exists marts.fuel_purchases (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    event_type varchar not null,        -- of the current version
    seq varchar,                        -- the provider's order of versions
    version_count integer not null,
    service_date date,                  -- local date of the purchase
    ts_utc timestamp,                   -- when fuel was dispensed; null where only a date is known
    ts_local varchar,
    tz varchar,
    ts_quality varchar,
    posted_date date,
    vehicle_id varchar,                 -- resolved: by card, else by the typed reference
    match_method varchar,               -- card, vehicle_ref; null: not resolved
    card_id varchar,
    card_last4 varchar,
    vehicle_ref varchar,
    driver_ref varchar,
    site_id varchar,
    site_name varchar,
    address varchar,
    city varchar,
    state varchar,
    postcode varchar,
    site_latitude double,
    site_longitude double,
    geo_quality varchar,
    code_set varchar,
    product_code varchar,
    product_raw varchar,
    product varchar,
    quantity decimal(18, 6),
    unit varchar,
    quantity_l double,                  -- litres; null for what is not a liquid
    unit_price decimal(18, 6),
    gross decimal(18, 6),
    discount decimal(18, 6),
    tax decimal(18, 6),
    exempt_tax decimal(18, 6),
    fees decimal(18, 6),
    net decimal(18, 6),
    currency varchar,
    odometer_typed bigint,
    odometer_unit varchar,
    service_type varchar,
    auth_code varchar,
    batch_id varchar,
    source_file varchar,
    source_row bigint,
    match_state varchar not null,       -- match probable mismatch unverifiable
    match_distance_m double,            -- smallest distance of the van's fixes to the site that decided
    match_offset_s double,              -- time of that fix less that of the purchase
    quality_flags varchar[] not null,
    -- Further columns; see core.fuel_lines and core.fuel_presence.
    line_kind varchar,
    fuel_family varchar,
    price_per_l decimal(18, 6),
    first_event_type varchar,
    is_final boolean,
    at_utc_alternative timestamp,       -- the other instant of a doubled hour
    time_source varchar,
    zone varchar,
    site_source varchar,
    station_id varchar,
    station_name varchar,
    driver_id varchar,
    match_candidate integer,            -- which instant of a doubled hour it was matched at; 1 without
    other_vehicles json,                -- [{vehicle_id, distance_m, offset_s}], nearest first
    time_shift_h integer,               -- the time seems to be wrong by so many whole hours; then unverifiable
    odometer_m double,                  -- of the vehicle, at that time
    odometer_valid boolean,             -- what was typed against it; null: not known
    odometer_reason varchar             -- zero repeated_digits lower_than_previous digit_extra_or_missing other
);

-- What rules found on purchases: leads and not proof. A flag that no longer fires is not here but in
-- core.fuel_flag_history.
create table if not exists marts.fuel_exceptions (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    service_date date,
    purchase_utc timestamp,             -- null: only the date is known
    vehicle_id varchar,
    rule_id varchar not null,           -- F1-F21
    rule_version integer not null,
    severity varchar not null,          -- high, medium, low, info
    state varchar not null,             -- open, explained, confirmed, dismissed: that of the last review
    is_provisional boolean not null default false, -- the purchase is authorised only so far
    cost decimal(18, 6),                -- at stake: the part in question, else the purchase; null: nothing to pay
    currency varchar,
    evidence json not null,             -- distances, times, levels, amounts and the thresholds used
    explanation varchar not null,       -- one neutral sentence
    first_opened_utc timestamp,         -- when the flag was raised for the first time
    evaluated_utc timestamp,
    reviewer varchar,                   -- of the last review; null: none
    note varchar,
    reviewed_utc timestamp
);

-- What each rule asks; written in warehouse/fuel_rules.toml.
create table if not exists marts.fuel_rules (
    rule_id varchar not null,           -- F1-F21
    version integer not null,
    title varchar not null,
    wording varchar not null,
    severity varchar not null,          -- high, medium, low, info
    thresholds json not null,           -- {name: {value, unit}}
    inputs varchar[] not null,
    guard varchar not null,             -- what keeps the rule quiet
    source varchar not null,
    yields_to varchar[] not null        -- rules that tell the same fact better
);

create table if not exists marts.fleet_days (
    tenant_id varchar not null,
    service_date date not null,
    vehicles_on_books bigint not null,
    vehicles_out_of_service bigint not null,
    vehicles_available bigint not null,
    vehicles_dispatched bigint not null, -- that drove on a route, registered and available or not
    available_dispatched bigint not null, -- of the available ones
    books_dispatched bigint not null,   -- of those on the books
    asset_utilization double,           -- K1: available_dispatched / available
    books_utilization double,           -- books_dispatched / on the books
    dispatched_days bigint,             -- van-days on a route: the K2 numerator, equal to vehicles_dispatched
    available_days bigint,              -- vans available or dispatched all the same, 0 where none was dispatched: its denominator
    day_utilization double,             -- dispatched_days / available_days, 0 to 1 (K2)
    vehicles_heard bigint not null,
    vehicles_active bigint,             -- K29: moved
    vehicles_stationary bigint,         -- engine on or ready, did not move
    vehicles_inactive bigint,           -- heard, engine never on
    vehicles_non_communicating bigint,  -- on the books or planned, and not heard
    routes_planned bigint not null,
    routes_run bigint not null,
    engine_on_s double not null,
    drive_s double not null,
    idle_s double not null,             -- K10
    idle_engine_on_s double,            -- engine on of vans that are not electric
    idle_share double,                  -- K11: idle_s / idle_engine_on_s
    engine_productivity double,         -- K6: 1 - idle_share
    ready_s double,                     -- electric, ready and standing
    off_s double,
    parked_s double,                    -- standing, engine not known
    unknown_s double,
    excess_idle_s double not null,      -- K12
    idle_event_count bigint not null,
    idle_fuel_l double,                 -- K13
    idle_cost decimal(18, 4),           -- K14
    idle_co2_kg double,
    known_s double not null,            -- coverage numerator (K22)
    observed_s double not null,         -- and denominator
    coverage double,
    window_known_s double,              -- the same inside the scheduled windows
    window_observed_s double,
    window_coverage double,
    distance_m double not null,
    unplanned_stop_count bigint,        -- K27
    unplanned_stop_s double,
    after_hours_m double,               -- K28
    metered_distance_m double not null, -- fuel_distance_m of the vans with the source that saw more of it: the K21 numerator
    fuel_used_l double,                 -- and denominator
    fuel_used_source varchar,           -- that source: counter, level or none; the other one stands beside it
    counter_distance_m double,
    counter_fuel_l double,
    level_distance_m double,
    level_fuel_l double,
    fuel_l_per_100km double,            -- K21
    energy_used_kwh double,             -- electric vans: beside the litres, never added to them
    energy_distance_m double,           -- distance of vans whose energy is known
    energy_kwh_per_km double,
    co2_kg double,                      -- K23, at the tailpipe
    co2_distance_m double,              -- distance and stops of vans whose CO2 is known
    co2_stop_count bigint,
    co2_kg_per_km double,
    co2_kg_per_stop double,
    co2_factor_set varchar,
    cost decimal(18, 4),                -- K24 summed
    counted_cost decimal(18, 4),        -- of routes whose stops are known: the K25 numerator
    costed_stop_count bigint,           -- stops and distance of routes whose cost is known
    costed_distance_m double,
    stop_count bigint not null,
    completed_stop_count bigint,
    planned_stop_count bigint,
    cost_per_stop decimal(18, 4),       -- K25
    cost_per_km decimal(18, 4),
    fuel_cost decimal(18, 4),
    fuel_costed_distance_m double,      -- distance of vans whose fuel and price are known
    fuel_cost_per_km decimal(18, 4),    -- K26
    on_time_starts bigint not null,    -- K20 numerator
    starts_with_plan bigint not null,  -- and denominator
    on_time_start_share double,
    route_time_s double,                -- K7 numerator
    planned_route_time_s double,        -- and denominator
    route_utilization double,
    peak_concurrent_vehicles bigint not null,
    currency varchar
);

-- Also vans that sent nothing, on days on which their fleet was heard or planned.
create table if not exists marts.status_days (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    registered_status varchar,          -- of the vehicles' file that day; null: not registered
    is_on_books boolean not null,       -- registered, not sold, and within its lease where it has one
    is_available boolean not null,      -- on the books and in service
    is_dispatched boolean not null,     -- drove on a route
    fleet_status varchar not null,      -- K29: active stationary inactive non_communicating
    depot_id varchar                    -- of a van that was heard as in vehicle_days, else as assigned, else as planned; null: not known
);

create table if not exists marts.data_health (
    tenant_id varchar not null,
    service_date date not null,
    vehicle_id varchar not null,
    received_count bigint not null,
    accepted_count bigint not null,
    duplicate_count bigint not null,
    conflict_count bigint not null,
    rejected_count bigint not null,
    rejected_by_rule json not null,     -- {reason: rows}
    low_quality_count bigint not null,
    jump_count bigint not null,
    coverage double,
    median_interval_s double,
    median_delay_s double,
    p95_delay_s double,
    peak_messages_per_min bigint,
    longest_gap_s double,
    is_registered boolean not null,
    quality_flags varchar[] not null
);

-- Every rise of a fuel gauge that was a refuel, also those nobody saw happen.
create table if not exists marts.refuels (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    service_date date not null,         -- of a rise between two dates the later one
    started_utc timestamp not null,     -- the last reading before; of a rise between two dates the last fix of the first
    ended_utc timestamp not null,       -- the first reading after; the first fix of the second
    from_pct double not null,           -- percent of the tank
    to_pct double not null,
    litres double,                      -- null where the tank is not registered
    is_between_dates boolean not null,
    latitude double,
    longitude double,
    place_precision_m integer           -- 0: as measured; 1000: a cell of a 1 km grid, near an overnight stand; -1: not shown; null: not known
);

-- What the cards of each van bought on each date; never added to what it burnt.
create table if not exists marts.card_days (
    tenant_id varchar not null,
    service_date date not null,         -- local date of the fills
    vehicle_id varchar not null,
    fill_count bigint not null,         -- lines of motor fuel that count
    card_l double not null,
    card_cost decimal(18, 4),           -- net; null where currencies differ
    currency varchar
);

-- Tank to tank: one row per fill of a van but its first, from its last full tank.
create table if not exists marts.fuel_intervals (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    provider varchar not null,          -- this and the following: the fill it ends with
    provider_txn_id varchar not null,
    item_no integer not null,
    service_date date not null,         -- of that fill, local
    from_utc timestamp not null,        -- the fill before it that filled the tank
    to_utc timestamp not null,
    fill_count bigint not null,         -- fills after the first instant, up to and with the last
    litres double not null,             -- of those fills
    distance_m double,
    distance_source varchar not null,   -- odometer (telematics at both fills), days (sums of vehicle_days), typed or none
    coverage double,                    -- known seconds / observed seconds of the dates it spans; null where none was heard
    l_per_100km double,                 -- null with any flag below
    mpg double,
    is_full boolean not null,           -- the fill it ends with filled the tank
    full_source varchar not null,       -- level: the gauge says so; assumed: nothing says otherwise
    quality_flags varchar[] not null    -- missed_fill low_coverage no_distance not_full
);

-- Card, counter and tank over 14 dates up to a fill (F20).
create table if not exists marts.fuel_balances (
    tenant_id varchar not null,
    vehicle_id varchar not null,
    from_date date not null,
    to_date date not null,              -- inclusive; the date of a fill
    card_l double not null,
    counter_l double,                   -- null: no counter on any of the dates
    level_change_l double,              -- in the tank at the end less at the start; null: not known
    gap_l double,                       -- card_l - counter_l - level_change_l
    gap_share double,                   -- of card_l
    coverage double                     -- metres driven while the counter was read / all metres
);
