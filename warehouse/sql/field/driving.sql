-- Who drove how long, and how long without a rest?

-- Driving sessions: drives with no pause of `break_s` or longer between them. A pause is whatever is not driving, silence
-- too, as a van that is not heard may rest; the time of silence is not counted as driving. Of the dates and between the
-- instants given; a session that crosses an instant counts with its part inside.
create or replace macro core.driving_sessions(from_day, to_day, from_utc, to_utc, break_s) as table
with

runs as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        state,
        greatest(started_utc, from_utc) as started_utc,
        least(ended_utc, to_utc) as ended_utc,
        epoch_us(least(ended_utc, to_utc)) - epoch_us(greatest(started_utc, from_utc)) as inside_us
    from core.ledger
    where service_date between from_day and to_day and started_utc < to_utc and ended_utc > from_utc
        and from_utc < to_utc

),

marked as (

    select
        *,
        sum(case when state in ('off', 'idle', 'ready', 'parked') then inside_us else 0 end) over earlier as stood_us,
        epoch_us(started_utc)
        - epoch_us(lag(case when state = 'drive' then ended_utc end ignore nulls) over earlier) as pause_us,
        -- Nothing known ends where this begins, or begins where it ends: dates have holes between them.
        coalesce(lag(case when state != 'unknown' then ended_utc end) over earlier != started_utc, true)
            as is_after_silence,
        coalesce(lead(case when state != 'unknown' then started_utc end) over earlier != ended_utc, true)
            as is_before_silence
    from runs
    window earlier as (
        partition by tenant_id, vehicle_id order by started_utc, ended_utc rows unbounded preceding
    )

),

numbered as (

    select
        *,
        sum((pause_us is null or (pause_us > 0 and pause_us >= break_s * 1e6))::int) over (
            partition by tenant_id, vehicle_id order by started_utc, ended_utc rows unbounded preceding
        ) as session_no
    from marked
    where state = 'drive'

)

select
    tenant_id,
    vehicle_id,
    min(service_date) as service_date,
    min(started_utc) as started_utc,
    max(ended_utc) as ended_utc,
    (max(epoch_us(ended_utc)) - min(epoch_us(started_utc))) / 1e6 as session_s,
    sum(inside_us) / 1e6 as drive_s,
    (max(stood_us) - min(stood_us)) / 1e6 as stood_s,
    (
        max(epoch_us(ended_utc)) - min(epoch_us(started_utc)) - sum(inside_us) - (max(stood_us) - min(stood_us))
    ) / 1e6 as unknown_s,
    arg_min(is_after_silence, started_utc) or arg_max(is_before_silence, started_utc) as is_cut
from numbered
group by tenant_id, vehicle_id, session_no;

-- Sessions between two instants with more driving than a bound: at the defaults, of four hours all but twenty minutes.
create or replace macro marts.long_driving_sessions(
    from_utc, to_utc, break_s := 1200, more_than_s := 13200
) as table
select * exclude (service_date)
from core.driving_sessions(
    core.utc(from_utc)::date - 3, core.utc(to_utc)::date + 1, core.utc(from_utc), core.utc(to_utc), break_s
)
where drive_s > more_than_s;

-- Vans that drove for longer than a bound between two instants, rests or not.
create or replace macro marts.long_daily_sessions(from_utc, to_utc, more_than_s := 36000) as table
select
    tenant_id,
    vehicle_id,
    drive_s,
    stood_s,
    epoch(core.utc(to_utc) - core.utc(from_utc)) - drive_s - stood_s as unknown_s,
    first_drive_utc,
    last_drive_utc
from (
    select
        tenant_id,
        vehicle_id,
        coalesce(sum(inside_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        coalesce(sum(inside_us) filter (state in ('off', 'idle', 'ready', 'parked')), 0) / 1e6 as stood_s,
        min(started_utc) filter (state = 'drive') as first_drive_utc,
        max(ended_utc) filter (state = 'drive') as last_drive_utc
    from core.ledger_between(core.utc(from_utc), core.utc(to_utc))
    group by tenant_id, vehicle_id
)
where drive_s > more_than_s;

-- How long each van drives a day, over the dates on which it drove and over those on which it was heard.
create or replace macro marts.daily_driving(from_day, to_day) as table
select
    *,
    drive_s / nullif(driving_days, 0) as drive_s_per_driving_day,
    drive_s / heard_days as drive_s_per_heard_day,
    known_s / nullif(known_s + unknown_s, 0) as coverage
from (
    select
        tenant_id,
        vehicle_id,
        count(*) as heard_days,
        count(*) filter (drive_s > 0) as driving_days,
        sum(drive_s order by service_date) as drive_s,
        sum(drive_s + idle_s + ready_s + off_s + parked_s order by service_date) as known_s,
        sum(unknown_s order by service_date) as unknown_s
    from marts.vehicle_days
    where service_date between from_day and to_day
    group by tenant_id, vehicle_id
);

-- How long each van drives without a pause, by date: its sessions, each under the date it began on.
create or replace macro marts.daily_driving_sessions(from_day, to_day, break_s := 600) as table
select
    tenant_id,
    service_date,
    vehicle_id,
    count(*) as session_count,
    count(*) filter (is_cut) as cut_session_count,
    sum(session_s order by started_utc) as session_s,
    sum(drive_s order by started_utc) as drive_s,
    sum(session_s order by started_utc) / count(*) as mean_session_s,
    max(session_s) as longest_session_s
from core.driving_sessions(
    from_day, to_day, '-infinity'::timestamp, 'infinity'::timestamp, break_s
)
group by tenant_id, service_date, vehicle_id;
