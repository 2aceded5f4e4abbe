-- marts.planned_stops: one row per planned stop of a van that was heard, served or not.

select *, epoch(departed_utc - arrived_utc) as duration_s

from core.planned_stops
where service_date = $day
