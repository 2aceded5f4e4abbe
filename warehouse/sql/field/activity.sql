-- How much of the fleet was at work, and how often did vans break down?

-- Hours at work by date: engine on, or an electric van ready. Vans that nobody heard are counted, not guessed.
create or replace macro marts.daily_activity(from_day, to_day) as table
select
    tenant_id,
    service_date,
    vehicles_on_books,
    vehicles_heard,
    vehicles_active,
    vehicles_non_communicating,
    engine_on_s + coalesce(ready_s, 0) as active_s,
    known_s - active_s as inactive_s,
    observed_s - known_s as unknown_s,
    active_s / nullif(vehicles_heard, 0) as active_s_per_vehicle,
    active_s / nullif(known_s, 0) as active_share
from marts.fleet_days
where service_date between from_day and to_day;

-- Vans that left the depot and then stood, or fell silent, for hours away from it: leads and not proof. No tracker tells
-- of a breakdown as such; where some send faults, those are rows of lake.events.
create or replace macro marts.suspected_breakdowns(from_day, to_day, least_s := 7200) as table
with

legs as (

    -- From the end of each drive to the begin of the next one, or to the end of the route.
    select
        tenant_id,
        service_date,
        vehicle_id,
        ended_utc as from_utc,
        lead(started_utc, 1, timestamp '9999-12-31') over later as until_utc,
        coalesce(bool_or(state = 'drive') over after_it, false) as drove_on
    from core.ledger
    where service_date between from_day and to_day
        and phase in ('stem_out', 'on_route', 'stem_back') and (state = 'drive' or context = 'depot')
    window
        later as (partition by tenant_id, service_date, vehicle_id order by started_utc, ended_utc),
        after_it as (
            partition by tenant_id, service_date, vehicle_id order by started_utc, ended_utc
            rows between 1 following and unbounded following
        )

)

select *
from (
    select
        tenant_id,
        service_date,
        vehicle_id,
        arg_min(route_id, started_utc) as route_id,
        min(started_utc) as started_utc,
        max(ended_utc) as ended_utc,
        sum(duration_us) / 1e6 as duration_s,
        coalesce(sum(duration_us) filter (state = 'unknown'), 0) / 1e6 as unknown_s,
        drove_on,
        arg_min(latitude, started_utc) as latitude,
        arg_min(longitude, started_utc) as longitude
    from core.ledger
    join legs using (tenant_id, service_date, vehicle_id)
    where service_date between from_day and to_day and phase in ('stem_out', 'on_route', 'stem_back')
        and started_utc >= legs.from_utc and ended_utc <= legs.until_utc
        and epoch_us(legs.until_utc) - epoch_us(legs.from_utc) >= least_s * 1e6
        and state != 'drive' and context != 'depot'
    group by tenant_id, service_date, vehicle_id, legs.from_utc, drove_on
)
where duration_s >= least_s;

-- How often that happened, by tenant and fuel, against the metres driven.
create or replace macro marts.breakdown_frequency(from_day, to_day, least_s := 7200) as table
select
    days.tenant_id,
    days.fuel_type,
    count(distinct days.vehicle_id) as vehicle_count,
    count(*) as vehicle_days,
    sum(days.distance_m order by days.service_date, days.vehicle_id) as distance_m,
    coalesce(sum(suspected.breakdown_count), 0)::bigint as breakdown_count,
    coalesce(sum(suspected.stopped_count), 0)::bigint as stopped_count,
    coalesce(sum(suspected.breakdown_count), 0)
    / nullif(sum(days.distance_m order by days.service_date, days.vehicle_id), 0) * 1e8 as breakdowns_per_100000_km
from marts.vehicle_days as days
left join (
    select
        tenant_id,
        service_date,
        vehicle_id,
        count(*) as breakdown_count,
        count(*) filter (not drove_on) as stopped_count
    from marts.suspected_breakdowns(from_day, to_day, least_s := least_s)
    group by all
) as suspected using (tenant_id, service_date, vehicle_id)
where days.service_date between from_day and to_day
group by days.tenant_id, days.fuel_type;
