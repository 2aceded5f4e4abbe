-- The weeks of the month and those before it, oldest first: at most $most of them.

select
    date_from,
    days_with_data,
    routes_run,
    route_utilization,
    idle_share,
    engine_on_s,
    idle_s,
    parked_s,
    off_s,
    metered_distance_m,
    fuel_used_l,
    co2_kg_per_km,
    cost_per_stop::double as cost_per_stop,
    cost_per_km::double as cost_per_km,
    coalesce(coverage, 1) >= $min_coverage as is_heard

from marts.fleet_weeks

where tenant_id = $tenant_id
    and date_from <= $last::date
    and date_from > $last::date - 7 * $most::integer

order by date_from
