-- marts.network_{period}: ratios of all fleets together, of each tenant and of each depot, side by side for whoever runs
-- the network: which is high, which is low, and how sure is that? No names, no vans, no drivers, no places.
--
-- A ratio is a sum over a sum. Its units are van-days or route-days; the standard error is that of a ratio estimator,
-- linearised (the residuals numerator - ratio x denominator of the units, n - 1 degrees of freedom), and the interval is
-- the 95 % one of Student's t: were other days of the same operation taken, 19 in 20 such intervals would hold the
-- long-run ratio. It knows nothing of what all units share, such as weather, or of vans that are alike day after day.
-- With fewer than eight units, or units that all have the very same ratio, there is none, and with fewer no rank.
--
-- A van whose engine nobody knows has no idling to show, and did not idle least: of ratios of the engine such van-days are
-- left out, engine_coverage says how much of the time is known of all of them, and below 0.80 there is no value: vans that
-- drove all day are known, and tell nothing of those that stood.
create or replace view marts.network_{period} as

with

weeks as (

    -- Tenants are compared over the same dates: weeks as all of them have them, else from Sunday.
    select case when count(distinct coalesce(week_start, 'sunday')) = 1 then any_value(week_start) end as week_start
    from (select distinct tenant_id from marts.fleet_days)
    left join staging.week_starts using (tenant_id)

),

units as (

    select
        tenant_id,
        depot_id,
        service_date,
        vehicle_id as part,
        currency,
        drive_s + idle_s + off_s + ready_s as engine_known_s,
        engine_known_s + parked_s + unknown_s as engine_observed_s,
        'van-day' as unit,
        unnest([
            {
                'measure': 'idle_share', 'is_less_better': true,
                'y': case when not core.is_electric(fuel_type) then idle_s end, 'x': engine_on_s
            },
            {'measure': 'time_utilization', 'is_less_better': false, 'y': engine_on_s, 'x': available_window_s},
            {'measure': 'distance_utilization', 'is_less_better': false, 'y': distance_m, 'x': target_distance_m},
            {'measure': 'coverage', 'is_less_better': false, 'y': known_s, 'x': observed_s},
            {
                'measure': 'fuel_l_per_100km_counter', 'is_less_better': true,
                'y': case when fuel_used_source = 'counter' then fuel_used_l end, 'x': fuel_distance_m / 1e5
            },
            {
                'measure': 'fuel_l_per_100km_level', 'is_less_better': true,
                'y': case when fuel_used_source = 'level' then fuel_used_l end, 'x': fuel_distance_m / 1e5
            },
            {
                'measure': 'co2_kg_per_km', 'is_less_better': true,
                'y': co2_kg, 'x': coalesce(fuel_distance_m, distance_m) / 1e3
            },
            {
                'measure': 'unplanned_stops_per_van_day', 'is_less_better': true,
                'y': unplanned_stop_count::double, 'x': 1::double
            },
            {'measure': 'after_hours_share', 'is_less_better': true, 'y': after_hours_m, 'x': distance_m}
        ], recursive := true)
    from marts.vehicle_days

    union all by name

    select
        tenant_id,
        depot_id,
        service_date,
        vehicle_id || '/' || route_id as part,
        currency,
        'route-day' as unit,
        unnest([
            {
                'measure': 'capacity_utilization', 'is_less_better': false,
                'y': planned_package_count::double, 'x': package_capacity::double
            },
            -- Neither overrun nor an early return is better as such.
            {
                'measure': 'route_utilization', 'is_less_better': null::boolean,
                'y': route_time_s, 'x': planned_route_time_s
            },
            {'measure': 'productive_share', 'is_less_better': false, 'y': on_route_s, 'x': route_time_s},
            {'measure': 'paid_productive_share', 'is_less_better': false, 'y': on_route_s, 'x': paid_s},
            {'measure': 'stem_share', 'is_less_better': true, 'y': stem_m, 'x': distance_m},
            {'measure': 'mean_dwell_s', 'is_less_better': true, 'y': dwell_s, 'x': counted_stop_count::double},
            {
                'measure': 'stops_per_hour', 'is_less_better': false,
                'y': counted_stop_count::double, 'x': on_route_s / 3600
            },
            {
                'measure': 'stop_completion', 'is_less_better': false,
                'y': completed_stop_count::double, 'x': planned_stop_count::double
            },
            {
                'measure': 'package_completion', 'is_less_better': false,
                'y': delivered_package_count::double, 'x': dispatched_package_count::double
            },
            {'measure': 'on_time_start_share', 'is_less_better': false, 'y': on_time_start::int::double, 'x': 1::double},
            {'measure': 'co2_kg_per_stop', 'is_less_better': true, 'y': co2_kg, 'x': counted_stop_count::double},
            {'measure': 'cost_per_stop', 'is_less_better': true, 'y': cost::double, 'x': counted_stop_count::double},
            {'measure': 'cost_per_km', 'is_less_better': true, 'y': cost::double, 'x': distance_m / 1e3},
            {'measure': 'fuel_cost_per_km', 'is_less_better': true, 'y': fuel_cost::double, 'x': fuel_distance_m / 1e3}
        ], recursive := true)
    from marts.route_days

    union all by name

    select
        tenant_id,
        depot_id,
        service_date,
        vehicle_id as part,
        null as currency,
        'van-day' as unit,
        unnest([
            {
                'measure': 'asset_utilization', 'is_less_better': false,
                'y': (is_dispatched and is_available)::int::double, 'x': is_available::int::double
            },
            {
                'measure': 'day_utilization', 'is_less_better': false,
                'y': is_dispatched::int::double, 'x': (is_fleet_out and (is_available or is_dispatched))::int::double
            },
            {
                'measure': 'active_share', 'is_less_better': false,
                'y': (fleet_status = 'active')::int::double, 'x': 1::double
            },
            {
                'measure': 'stationary_share', 'is_less_better': null::boolean,
                'y': (fleet_status = 'stationary')::int::double, 'x': 1::double
            },
            {
                'measure': 'inactive_share', 'is_less_better': null::boolean,
                'y': (fleet_status = 'inactive')::int::double, 'x': 1::double
            },
            {
                'measure': 'non_communicating_share', 'is_less_better': true,
                'y': (fleet_status = 'non_communicating')::int::double, 'x': 1::double
            },
            -- Of vans with a route alone: the tracker of a van that stays parked may sleep.
            {
                'measure': 'routed_not_heard_share', 'is_less_better': true,
                'y': (fleet_status = 'non_communicating')::int::double, 'x': has_route::int::double
            }
        ], recursive := true)
    from (
        select
            status_days.*,
            routed.vehicle_id is not null as has_route,
            bool_or(is_dispatched) over (partition by tenant_id, service_date) as is_fleet_out
        from marts.status_days
        left join (select distinct tenant_id, service_date, vehicle_id from marts.route_days) as routed
            using (tenant_id, service_date, vehicle_id)
    )

),

known as (

    select
        *,
        measure in ('idle_share', 'time_utilization') as is_of_engine,
        not is_of_engine or engine_known_s >= core.least_coverage() * engine_observed_s as is_known
    from units
    where y is not null and x > 0

),

moments as (

    select
        date_from,
        date_to,
        tenant_id,
        depot_id,
        measure,
        unit,
        is_less_better,
        case when measure in ('cost_per_stop', 'cost_per_km', 'fuel_cost_per_km') then currency end as currency,
        count(*) filter (is_known) as n,
        sum(y order by service_date, part) filter (is_known) as y,
        sum(x order by service_date, part) filter (is_known) as x,
        sum(y * y order by service_date, part) filter (is_known) as yy,
        sum(x * y order by service_date, part) filter (is_known) as xy,
        sum(x * x order by service_date, part) filter (is_known) as xx,
        sum(engine_known_s order by service_date, part) filter (is_of_engine) as engine_known_s,
        sum(engine_observed_s order by service_date, part) filter (is_of_engine) as engine_observed_s
    from (select *, {dates} from known cross join weeks)
    group by all

),

levels as (

    select moments.*, 'network' as level, null as of_tenant, null as of_depot from moments
    union all
    select moments.*, 'tenant', tenant_id, null from moments
    union all
    select moments.*, 'depot', tenant_id, depot_id from moments where depot_id is not null

),

summed as (

    select
        date_from,
        date_to,
        level,
        of_tenant as tenant_id,
        of_depot as depot_id,
        measure,
        unit,
        is_less_better,
        -- What is paid in several currencies has no sum.
        case when count(distinct currency) <= 1 then max(currency) end as currency,
        sum(n)::bigint as unit_count,
        case when count(distinct currency) <= 1 then sum(y order by tenant_id, depot_id) end as numerator,
        sum(x order by tenant_id, depot_id) as denominator,
        sum(engine_known_s order by tenant_id, depot_id)
        / nullif(sum(engine_observed_s order by tenant_id, depot_id), 0) as engine_coverage,
        sum(yy order by tenant_id, depot_id) as yy,
        sum(xy order by tenant_id, depot_id) as xy,
        sum(xx order by tenant_id, depot_id) as xx
    from levels
    group by all

),

estimated as (

    select
        * exclude (yy, xy, xx),
        case when coalesce(engine_coverage >= core.least_coverage(), true) then numerator / nullif(denominator, 0) end
            as value,
        greatest(0, yy - 2 * value * xy + value * value * xx) as residual_square,
        case
            -- What is left where all residuals are 0 is rounding.
            when unit_count >= core.least_units() and residual_square > 1e-12 * yy
                then sqrt(residual_square * unit_count / (unit_count - 1)) / denominator
        end as standard_error,
        level != 'network'
        and is_less_better is not null
        and value is not null
        and unit_count >= core.least_units() as is_ranked
    from summed

)

select
    date_from,
    date_to,
    level,
    tenant_id,
    depot_id,
    measure,
    unit,
    unit_count,
    numerator,
    denominator,
    value,
    engine_coverage,
    currency,
    standard_error,
    case
        when standard_error is not null
        then greatest(0, value - core.t_quantile(unit_count - 1) * standard_error)
    end as ci_low,
    case
        when measure in (
            'idle_share', 'coverage', 'after_hours_share', 'productive_share', 'stem_share', 'on_time_start_share',
            'asset_utilization', 'day_utilization', 'active_share', 'stationary_share', 'inactive_share',
            'non_communicating_share', 'routed_not_heard_share', 'paid_productive_share', 'stop_completion', 'package_completion'
        ) and standard_error is not null
            -- Scans and clocks may say more than all.
            then least(greatest(1, value), value + core.t_quantile(unit_count - 1) * standard_error)
        else value + core.t_quantile(unit_count - 1) * standard_error
    end as ci_high,
    case
        when is_ranked
            then rank() over (
                partition by date_from, level, measure, is_ranked
                order by case when is_less_better then value else -value end
            )
    end as rank,
    case when is_ranked then count(*) over (partition by date_from, level, measure, is_ranked) end as ranked_count

from estimated;
