-- Each route of the month, and what its stop cost the month before; dearest stop first.

with

days as (

    select
        route_id,
        count(cost) as costed_count,
        list(distinct vehicle_id order by vehicle_id) as vehicle_ids
    from marts.route_days
    where tenant_id = $tenant_id and service_date between $first::date and $last::date
    group by route_id

),

before as (

    select route_id, cost_per_stop
    from marts.route_months
    where tenant_id = $tenant_id and date_from = $first::date - interval 1 month

)

select
    route_id,
    months.route_day_count,
    days.costed_count,
    days.vehicle_ids,
    months.route_utilization,
    months.idle_share,
    months.idle_s,
    months.stem_share,
    months.distance_m,
    months.stop_count,
    months.counted_stop_count,
    months.stops_per_hour,
    months.on_time_start_share,
    months.co2_kg,
    (months.cost / nullif(days.costed_count, 0))::double as cost_per_route,
    months.cost::double as cost,
    months.cost_per_stop::double as cost_per_stop,
    months.cost_per_km::double as cost_per_km,
    before.cost_per_stop::double as cost_per_stop_before,
    months.currency,
    months.coverage,
    coalesce(months.coverage, 1) >= $min_coverage as is_heard

from marts.route_months as months
left join days using (route_id)
left join before using (route_id)

where tenant_id = $tenant_id and months.date_from = $first::date

order by months.cost_per_stop desc nulls last, months.cost desc nulls last, months.distance_m desc, route_id
