-- marts.stops: one row per park episode of at least stop_min_s, engine on or off.

select
    * exclude (duration_us, engine_on_us),
    duration_us / 1e6 as duration_s,
    engine_on_us / 1e6 as engine_on_s

from core.stops
where service_date = $day
