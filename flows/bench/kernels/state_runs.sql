-- The maximal runs of one state of every van, with duration and metres: what `kernels.states` and
-- `kernels.distance` find on clean points, said in window functions.

with

steps as (

    select
        *,
        lead(time_us) over by_van - time_us as step_us,
        lead(latitude) over by_van as next_latitude,
        lead(longitude) over by_van as next_longitude

    from points
    window by_van as (partition by van order by time_us)

),

-- Where the engine is off or silence follows, motion begins anew.
judged as (

    select
        *,
        case
            when engine = 0 then 'off'
            when step_us > $gap_us then 'unknown'
        end as break,
        coalesce(break is null and lag(break) over by_van is not null, true) as is_after_break

    from steps
    where step_us is not null
    window by_van as (partition by van order by time_us)

),

turns as (

    select
        *,
        case
            when break is not null then null
            when is_after_break then speed_kmh > $stop_kmh
            when speed_kmh >= $move_kmh then true
            when speed_kmh <= $stop_kmh then false
        end as turn

    from judged

),

states as (

    select
        *,
        case
            when break is not null then break
            when last_value(turn ignore nulls) over by_van then 'drive'
            when engine = 1 then 'idle'
            else 'parked'
        end as state,
        2 * 6371008.8 * asin(sqrt(
            pow(sin(radians(next_latitude - latitude) / 2), 2)
            + cos(radians(latitude)) * cos(radians(next_latitude))
            * pow(sin(radians(next_longitude - longitude) / 2), 2)
        )) as hop_m

    from turns
    window by_van as (partition by van order by time_us rows between unbounded preceding and current row)

),

-- The hop out of a stand belongs to the drive that follows.
hops as (

    select
        *,
        coalesce(state != lag(state) over by_van, true) as begins,
        case when state = 'drive' then hop_m else 0 end
        + case
            when state = 'drive' and lag(state) over by_van not in ('drive', 'unknown')
            then lag(hop_m) over by_van
            else 0
        end as step_m

    from states
    window by_van as (partition by van order by time_us)

),

numbered as (

    select
        *,
        sum(begins::int) over (partition by van order by time_us rows unbounded preceding) as run

    from hops

)

select
    van,
    min(time_us) as started_us,
    any_value(state) as state,
    sum(step_us)::bigint as duration_us,
    sum(step_m) as distance_m

from numbered
group by van, run
order by van, started_us
