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
-- of a breakdown as such; where some send faults, those are rows of lake.events. A van that is not heard again that day
-- is silent until its planned return, as far as anything was heard of its fleet; without a plan until the last news of
-- the fleet that day.
create or replace macro marts.suspected_breakdowns(from_day, to_day, least_s := 7200) as table
with

heard as (

    -- The last run of each van, and how long it is missed after it.
    select
        runs.*,
        least(coalesce(planned.return_utc, fleets.day_utc), fleets.newest_utc) as missed_until_utc,
        days.last_latitude,
        days.last_longitude
    from (
        select
            tenant_id,
            service_date,
            vehicle_id,
            max(ended_utc) as last_utc,
            arg_max(phase, (ended_utc, started_utc)) as last_phase,
            arg_max(context, (ended_utc, started_utc)) as last_context,
            arg_max(route_id, (ended_utc, started_utc)) as last_route_id
        from core.ledger
        where service_date between from_day and to_day
        group by all
    ) as runs
    join core.vehicle_dates as days using (tenant_id, service_date, vehicle_id)
    join (
        select
            tenant_id,
            service_date,
            max(last_fix_utc) as day_utc,
            max(max(last_fix_utc)) over (partition by tenant_id) as newest_utc
        from core.vehicle_dates
        group by tenant_id, service_date
    ) as fleets using (tenant_id, service_date)
    left join (
        select tenant_id, service_date, vehicle_id, max(planned_return_utc) as return_utc
        from core.planned_routes
        group by all
    ) as planned using (tenant_id, service_date, vehicle_id)

),

runs as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        route_id,
        started_utc,
        ended_utc,
        duration_us,
        state,
        context,
        latitude,
        longitude
    from core.ledger
    where service_date between from_day and to_day and phase in ('stem_out', 'on_route', 'stem_back')
    union all
    select
        tenant_id,
        service_date,
        vehicle_id,
        last_route_id,
        last_utc,
        missed_until_utc,
        epoch_us(missed_until_utc) - epoch_us(last_utc),
        'unknown',
        'other',
        last_latitude,
        last_longitude
    from heard
    where last_phase in ('stem_out', 'on_route', 'stem_back') and last_context != 'depot' and missed_until_utc > last_utc

),

legs as (

    -- From the end of each drive to the begin of the next one, or to the end of the route.
    select
        tenant_id,
        service_date,
        vehicle_id,
        ended_utc as from_utc,
        lead(started_utc, 1, timestamp '9999-12-31') over later as until_utc,
        coalesce(bool_or(state = 'drive') over after_it, false) as drove_on
    from runs
    where state = 'drive' or context = 'depot'
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
    from runs
    join legs using (tenant_id, service_date, vehicle_id)
    where started_utc >= legs.from_utc and ended_utc <= legs.until_utc
        and epoch_us(legs.until_utc) - epoch_us(legs.from_utc) >= least_s * 1e6
        and state != 'drive' and context != 'depot'
    group by tenant_id, service_date, vehicle_id, legs.from_utc, drove_on
)
where duration_s >= least_s;

-- How often that happened, by tenant and fuel, against the metres driven. Only days on which the van is known to have been
-- on a route can be judged; where there are none nothing is known, which is not 0.
create or replace macro marts.breakdown_frequency(from_day, to_day, least_s := 7200) as table
select
    days.tenant_id,
    days.fuel_type,
    count(distinct days.vehicle_id) as vehicle_count,
    count(*) as vehicle_days,
    sum(days.distance_m order by days.service_date, days.vehicle_id) as distance_m,
    count(judged.vehicle_id) as judged_vehicle_days,
    sum(days.distance_m order by days.service_date, days.vehicle_id) filter (judged.vehicle_id is not null)
        as judged_distance_m,
    case when judged_vehicle_days > 0 then coalesce(sum(suspected.leads), 0)::bigint end as breakdown_count,
    case when judged_vehicle_days > 0 then coalesce(sum(suspected.stopped), 0)::bigint end as stopped_count,
    breakdown_count / nullif(judged_distance_m, 0) * 1e8 as breakdowns_per_100000_km
from marts.vehicle_days as days
left join (
    select distinct tenant_id, service_date, vehicle_id
    from core.ledger
    where service_date between from_day and to_day and phase in ('stem_out', 'on_route', 'stem_back')
) as judged using (tenant_id, service_date, vehicle_id)
left join (
    select
        tenant_id,
        service_date,
        vehicle_id,
        count(*) as leads,
        count(*) filter (not drove_on) as stopped
    from marts.suspected_breakdowns(from_day, to_day, least_s := least_s)
    group by all
) as suspected using (tenant_id, service_date, vehicle_id)
where days.service_date between from_day and to_day
group by days.tenant_id, days.fuel_type;
