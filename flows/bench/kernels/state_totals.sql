-- Time in each state, metres driven and idle events of every van: what kernels/totals.py answers, by window functions.

with

intervals as (

    select
        van,
        time_us,
        engine,
        speed_kmh,
        latitude,
        longitude,
        lead(time_us) over of_van - time_us as step_us,
        lead(latitude) over of_van as next_latitude,
        lead(longitude) over of_van as next_longitude,
        row_number() over of_van = 1 as is_first

    from points
    window of_van as (partition by van order by time_us)

),

judged as (

    select
        *,
        -- Between the thresholds motion stays what it was; after a break, and at the start, it is moving.
        last_value(
            case
                when engine = 0 or step_us > $gap_us or speed_kmh >= $move_kmh then true
                when speed_kmh <= $stop_kmh then false
                when is_first then true
            end ignore nulls
        ) over (partition by van order by time_us rows between unbounded preceding and current row) as moves

    from intervals

),

stated as (

    select
        *,
        case when engine = 0 then 'off' when step_us > $gap_us then 'unknown' when moves then 'drive' else 'idle' end as state,
        2 * $radius_m * asin(sqrt(
            pow(sin(radians(next_latitude - latitude) / 2), 2)
            + cos(radians(latitude)) * cos(radians(next_latitude)) * pow(sin(radians(next_longitude - longitude) / 2), 2)
        )) as hop_m

    from judged

),

changes as (

    select
        *,
        lag(state) over (partition by van order by time_us) is distinct from state as begins

    from stated

),

numbered as (

    select
        *,
        sum(begins::int) over (partition by van order by time_us rows unbounded preceding) as run

    from changes

),

runs as (

    select
        van,
        run,
        any_value(state) as state,
        sum(step_us) as us,
        sum(hop_m) as hop_m

    from numbered
    group by van, run

)

select
    van,
    coalesce(sum(us) filter (state = 'off'), 0)::bigint as off_us,
    coalesce(sum(us) filter (state = 'unknown'), 0)::bigint as unknown_us,
    coalesce(sum(us) filter (state = 'idle'), 0)::bigint as idle_us,
    coalesce(sum(us) filter (state = 'drive'), 0)::bigint as drive_us,
    0::bigint as ready_us,
    0::bigint as parked_us,
    coalesce(sum(hop_m) filter (state = 'drive'), 0) as drive_m,
    count(*) filter (state = 'idle' and us >= $idle_us) as idle_event_count,
    coalesce(sum(us) filter (state = 'idle' and us >= $idle_us), 0)::bigint as idle_event_us

from runs
group by van
order by van
