-- The hours in which most vans of the week were available, as fractions of a day's local hours; no row without a window.

select
    mode(hour(window_start) + minute(window_start) / 60 order by window_start) as from_hour,
    mode(hour(window_end) + minute(window_end) / 60 order by window_end) as to_hour

from marts.vehicle_days as vans
join core.depots_on($first::date + 6) as depots using (tenant_id, depot_id)

where tenant_id = $tenant_id
    and service_date between $first::date and $first::date + 6
    and window_start is not null
    and window_end > window_start

having count(*) > 0
