-- What definitions of idling count, by `unit`: `run` (a change of the power take-off ends it), `stretch` (it does not)
-- and `stand` (standing, whatever the engine does). The longest part gives context and route, the first the place.

select
    unit,
    {van},
    first(route_id order by duration_us desc, started_utc) as route_id,
    min(started_utc) as started_utc,
    max(ended_utc) as ended_utc,
    sum(duration_us)::bigint as duration_us,
    sum(duration_us) filter (state = 'idle')::bigint as idle_us,
    first(context order by duration_us desc, started_utc) as context,
    first(latitude order by started_utc) as latitude,
    first(longitude order by started_utc) as longitude,
    first(place_precision_m order by started_utc) as place_precision_m,
    first(jurisdictions order by started_utc) as jurisdictions,
    -- Without a counter there is nothing to put in order, which costs more than all the rest.
    sum(fuel_l order by started_utc) filter (fuel_l is not null) as fuel_l,
    bool_or(is_pto) as is_pto,
    bool_and(is_full_quality) as is_full_quality
from (
    select * exclude (was_pto, run_no, stretch_no, run_us), 'run' as unit, run_no as unit_no from {idle_rows}
    union all
    select * exclude (was_pto, run_no, stretch_no, run_us), 'stretch', stretch_no from {idle_rows}
    union all
    select * exclude (stand_no), 'stand', stand_no from {standing_rows}
)
group by unit, {van}, unit_no
having idle_us > 0
