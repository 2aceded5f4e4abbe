-- Units of a day that are one row of its ledger: what sql/idling/idle_units.sql says of that row alone. Those of several
-- rows, of which it is asked, stand below.

select
    unit,
    van_no,
    route_id,
    started_utc,
    ended_utc,
    duration_us,
    duration_us as idle_us,
    context,
    latitude,
    longitude,
    place_precision_m,
    jurisdictions,
    fuel_l,
    is_pto,
    is_full_quality
from labelled
cross join (values ('run'), ('stretch'), ('stand')) as units (unit)
where state = 'idle' and duration_us > 0 and case unit when 'stand' then is_stand else is_stretch end

union all by name

