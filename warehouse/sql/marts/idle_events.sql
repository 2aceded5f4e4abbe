-- marts.idle_events: one row per idle run of at least idle_event_s with the power take-off off, counted in full.

select
    runs.tenant_id,
    runs.service_date,
    runs.vehicle_id,
    runs.route_id,
    runs.started_utc,
    runs.ended_utc,
    runs.duration_us / 1e6 as duration_s,
    runs.context,
    runs.latitude,
    runs.longitude,
    runs.place_precision_m,
    coalesce(runs.fuel_l, runs.duration_us / 3.6e9 * fuel.idle_l_per_h) as fuel_l,
    coalesce(runs.fuel_l, runs.duration_us / 3.6e9 * fuel.idle_l_per_h) * fuel.price_per_l as cost,
    fuel.currency,
    definitions.definition_id,
    definitions.version as definition_version

from staging.idle_runs as runs
join marts.definitions as definitions on definitions.definition_id = 'odograph'
left join core.fuel_terms_on($day) as fuel using (tenant_id, vehicle_id)
where runs.service_date = $day and not runs.is_pto and runs.duration_us >= core.idle_event_s() * 1e6
