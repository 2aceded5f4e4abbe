-- Where is every van, which stand, which are low on fuel?

-- The last known place of every van that was ever heard. A van that is heard without a good place keeps its last one.
create or replace view marts.last_locations as
select
    tenant_id,
    vehicle_id,
    placed.service_date as service_date,
    placed.placed_utc as placed_utc,
    placed.latitude as latitude,
    placed.longitude as longitude,
    heard_utc,
    epoch(max(heard_utc) over (partition by tenant_id) - heard_utc) as behind_fleet_s
from (
    select
        tenant_id,
        vehicle_id,
        max(last_fix_utc) as heard_utc,
        arg_max(
            {
                'service_date': service_date,
                'placed_utc': last_placed_utc,
                'latitude': last_latitude,
                'longitude': last_longitude
            },
            last_placed_utc
        ) as placed
    from core.vehicle_dates
    group by tenant_id, vehicle_id
);

-- An instant in UTC as the tables have it. One with a zone is turned into UTC, whatever zone the session is in; one without
-- and a text are UTC already.
create or replace macro core.utc(instant) as case
    when typeof(instant) = 'TIMESTAMP WITH TIME ZONE' then timezone('UTC', instant::timestamptz) else instant::timestamp
end;

-- The ledger between two instants: of a run that crosses an edge the part inside.
create or replace macro core.ledger_between(from_utc, to_utc) as table
select
    * exclude (duration_us) replace (
        greatest(started_utc, from_utc) as started_utc,
        least(ended_utc, to_utc) as ended_utc,
        -- The ledger does not know where in a run the metres were.
        distance_m * coalesce(
            (epoch_us(least(ended_utc, to_utc)) - epoch_us(greatest(started_utc, from_utc))) / nullif(duration_us, 0), 1
        ) as distance_m
    ),
    epoch_us(least(ended_utc, to_utc)) - epoch_us(greatest(started_utc, from_utc)) as inside_us
from core.ledger
-- A service date reaches over its neighbours: time zones, plans that end after midnight.
where service_date between from_utc::date - 3 and to_utc::date + 1 and started_utc < to_utc and ended_utc > from_utc
    and from_utc < to_utc;

-- Vans that stood between two instants: for all of the time, or for a share of it. Silence is not standing.
create or replace macro marts.stationary_vehicles(from_utc, to_utc, least_share := 1.0) as table
select
    tenant_id,
    vehicle_id,
    stood_s,
    idle_s,
    drive_s,
    epoch(core.utc(to_utc) - core.utc(from_utc)) - stood_s - drive_s as unknown_s,
    stood_s / epoch(core.utc(to_utc) - core.utc(from_utc)) as stood_share,
    place.latitude as latitude,
    place.longitude as longitude
from (
    select
        tenant_id,
        vehicle_id,
        coalesce(sum(inside_us) filter (state in ('off', 'idle', 'ready', 'parked')), 0) / 1e6 as stood_s,
        coalesce(sum(inside_us) filter (state = 'idle'), 0) / 1e6 as idle_s,
        coalesce(sum(inside_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        arg_max({'latitude': latitude, 'longitude': longitude}, started_utc)
            filter (state in ('off', 'idle', 'ready', 'parked') and latitude is not null) as place
    from core.ledger_between(core.utc(from_utc), core.utc(to_utc))
    group by tenant_id, vehicle_id
)
where stood_s >= least_share * epoch(core.utc(to_utc) - core.utc(from_utc));

-- Vans whose last known fuel level is low. A level is the median of some minutes of readings, so no fuel that swings
-- makes one; what cards of the van bought since stands beside it.
create or replace macro marts.low_fuel(below_pct := 10) as table
with

levels as (

    select
        tenant_id,
        vehicle_id,
        max(last_fix_utc) as heard_utc,
        max(level_last_utc) as level_utc,
        arg_max(level_last_pct, level_last_utc) as level_pct
    from core.vehicle_dates
    group by tenant_id, vehicle_id

)

select
    levels.tenant_id,
    levels.vehicle_id,
    levels.level_pct,
    levels.level_utc,
    levels.heard_utc,
    sum(purchases.quantity_l) as bought_since_l
from levels
left join marts.fuel_purchases as purchases
    on purchases.tenant_id = levels.tenant_id and purchases.vehicle_id = levels.vehicle_id
    and purchases.ts_utc > levels.level_utc and purchases.line_kind = 'fill'
where levels.level_pct < below_pct
group by all;
