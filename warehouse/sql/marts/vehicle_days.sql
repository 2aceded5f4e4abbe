-- marts.vehicle_days: one row per tenant, service date and vehicle.

with

times as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        coalesce(sum(duration_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        coalesce(sum(duration_us) filter (state = 'idle'), 0) / 1e6 as idle_s,
        coalesce(sum(duration_us) filter (state = 'idle' and is_pto), 0) / 1e6 as pto_s,
        coalesce(sum(duration_us) filter (state = 'ready'), 0) / 1e6 as ready_s,
        coalesce(sum(duration_us) filter (state = 'off'), 0) / 1e6 as off_s,
        coalesce(sum(duration_us) filter (state = 'parked'), 0) / 1e6 as parked_s,
        coalesce(sum(duration_us) filter (state = 'unknown'), 0) / 1e6 as unknown_s,
        sum(fuel_l order by started_utc) filter (state = 'idle') as counted_idle_fuel_l,
        sum(energy_kwh order by started_utc) filter (state = 'ready') as ready_energy_kwh
    from core.ledger
    where service_date = $day
    group by all

),

idling as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        count(*) filter (duration_us >= core.idle_event_s() * 1e6) as idle_event_count,
        sum(duration_us) filter (duration_us >= core.idle_event_s() * 1e6) / 1e6 as excess_idle_s,
        count(*) filter (duration_us >= core.long_idle_s() * 1e6) as long_idle_event_count,
        sum(duration_us) filter (duration_us >= core.long_idle_s() * 1e6) / 1e6 as long_idle_s
    from staging.idle_runs
    where service_date = $day and not is_pto
    group by all

),

stops as (

    select
        tenant_id,
        service_date,
        vehicle_id,
        count(*) as stop_count,
        count(*) filter (is_unplanned) as unplanned_stop_count,
        sum(duration_us) filter (is_unplanned) / 1e6 as unplanned_stop_s
    from (
        select
            *,
            duration_us >= core.unplanned_stop_s() * 1e6 and kind not in ('planned', 'depot', 'fuel_site') as is_unplanned
        from core.stops
        where service_date = $day
    )
    group by all

),

revisions as (

    select tenant_id, vehicle_id, max(revision) as revision
    from core.revisions
    where service_date = $day
    group by all

),

windows as (

    -- Seconds between two instants, not hours on the clock: a day may have 23 or 25 of them.
    select
        tenant_id,
        depot_id,
        (($day + window_start) at time zone timezone) at time zone 'UTC' as from_utc,
        (($day + (window_end <= window_start)::int + window_end) at time zone timezone) at time zone 'UTC' as to_utc
    from core.depots_on($day)
    where window_start is not null and window_end is not null

),

plans as (

    select tenant_id, vehicle_id, min(planned_exit_utc) as from_utc, max(planned_return_utc) as to_utc
    from core.planned_routes
    where service_date = $day and planned_exit_utc is not null and planned_return_utc is not null
    group by all

),

schedules as (

    -- When a van is meant to be at work: its depot's window, without one its plan's.
    select
        days.tenant_id,
        days.vehicle_id,
        coalesce(windows.from_utc, plans.from_utc) as scheduled_from_utc,
        coalesce(windows.to_utc, plans.to_utc) as scheduled_to_utc,
        epoch(windows.to_utc - windows.from_utc) as available_window_s
    from core.vehicle_dates as days
    left join windows using (tenant_id, depot_id)
    left join plans using (tenant_id, vehicle_id)
    where days.service_date = $day

),

clipped as (

    -- How much of each run lies inside the scheduled window, and inside the window and the hour around it.
    select
        tenant_id,
        vehicle_id,
        started_utc,
        state,
        distance_m,
        duration_us,
        greatest(
            0, epoch_us(least(ended_utc, scheduled_to_utc)) - epoch_us(greatest(started_utc, scheduled_from_utc))
        ) as inside_us,
        greatest(
            0,
            epoch_us(least(ended_utc, scheduled_to_utc + core.after_hours_slack()))
            - epoch_us(greatest(started_utc, scheduled_from_utc - core.after_hours_slack()))
        ) as near_us
    from core.ledger
    join schedules using (tenant_id, vehicle_id)
    where service_date = $day and scheduled_from_utc is not null

),

hours as (

    -- A run that crosses the border counts by its share of time: the ledger does not know where in it the metres were.
    select
        tenant_id,
        vehicle_id,
        coalesce(sum(inside_us) filter (state != 'unknown'), 0) / 1e6 as window_known_s,
        sum(inside_us) / 1e6 as window_observed_s,
        coalesce(sum(distance_m * (1 - near_us / nullif(duration_us, 0)) order by started_utc), 0) as after_hours_m
    from clipped
    group by all

),

measured as (

    select
        days.tenant_id,
        days.service_date,
        days.vehicle_id,
        coalesce(revisions.revision, 0) as revision,
        days.depot_id,
        days.first_fix_utc,
        days.last_fix_utc,
        coalesce(times.drive_s, 0) + coalesce(times.idle_s, 0) as engine_on_s,
        coalesce(times.drive_s, 0) as drive_s,
        coalesce(times.idle_s, 0) as idle_s,
        coalesce(times.pto_s, 0) as pto_s,
        coalesce(times.ready_s, 0) as ready_s,
        coalesce(times.off_s, 0) as off_s,
        coalesce(times.parked_s, 0) as parked_s,
        coalesce(times.unknown_s, 0) as unknown_s,
        days.distance_m,
        days.distance_source,
        coalesce(stops.stop_count, 0) as stop_count,
        coalesce(stops.unplanned_stop_count, 0) as unplanned_stop_count,
        coalesce(stops.unplanned_stop_s, 0) as unplanned_stop_s,
        coalesce(idling.idle_event_count, 0) as idle_event_count,
        coalesce(idling.excess_idle_s, 0) as excess_idle_s,
        coalesce(idling.long_idle_event_count, 0) as long_idle_event_count,
        coalesce(idling.long_idle_s, 0) as long_idle_s,
        schedules.available_window_s,
        schedules.scheduled_from_utc,
        schedules.scheduled_to_utc,
        hours.window_known_s,
        hours.window_observed_s,
        hours.after_hours_m,
        vehicles.target_km_per_day * 1000 as target_distance_m,
        fuel.fuel_type,
        fuel.is_electric,
        -- One source for a day: what the counter says and what the gauge says are never put together.
        case
            when days.fuel_used_l is not null then 'counter'
            when days.level_used_pct is not null and vehicles.tank_l > 0 and not fuel.is_electric then 'level'
            else 'none'
        end as fuel_used_source,
        case fuel_used_source
            when 'counter' then days.fuel_used_l
            when 'level' then greatest(0, days.level_used_pct / 100 * vehicles.tank_l)
        end as fuel_used_l,
        case fuel_used_source
            when 'counter' then days.fuel_sigma_l
            when 'level' then days.level_sigma_pct / 100 * vehicles.tank_l * sqrt(2 + 2 * days.refuel_count)
        end as fuel_used_sigma_l,
        case fuel_used_source
            when 'counter' then days.fuel_distance_m
            when 'level' then days.level_distance_m
        end as fuel_distance_m,
        days.level_first_pct,
        days.level_last_pct,
        days.refuel_count,
        days.energy_used_kwh,
        times.ready_energy_kwh,
        coalesce(times.counted_idle_fuel_l, coalesce(times.idle_s, 0) / 3600 * fuel.idle_l_per_h) as idle_fuel_l,
        case when times.counted_idle_fuel_l is not null then 'counter' else fuel.idle_rate_source end
            as idle_fuel_source,
        fuel.price_per_l,
        fuel.currency,
        fuel.co2_kg_per_l,
        days.quality_flags

    from core.vehicle_dates as days
    left join revisions using (tenant_id, vehicle_id)
    left join times using (tenant_id, service_date, vehicle_id)
    left join idling using (tenant_id, service_date, vehicle_id)
    left join stops using (tenant_id, service_date, vehicle_id)
    left join core.fuel_terms_on($day) as fuel using (tenant_id, vehicle_id)
    left join core.vehicles_on($day) as vehicles using (tenant_id, vehicle_id)
    left join schedules using (tenant_id, vehicle_id)
    left join hours using (tenant_id, vehicle_id)
    where days.service_date = $day

)

select
    * exclude (price_per_l, co2_kg_per_l, is_electric),
    drive_s + idle_s + off_s + ready_s + parked_s as known_s,
    known_s + unknown_s as observed_s,
    known_s / nullif(observed_s, 0) as coverage,
    (drive_s + idle_s + off_s + ready_s) / nullif(observed_s, 0) as engine_coverage,
    engine_on_s / nullif(available_window_s, 0) as time_utilization,
    window_known_s / nullif(window_observed_s, 0) as window_coverage,
    distance_m / nullif(target_distance_m, 0) as distance_utilization,
    case when not is_electric then idle_s / nullif(engine_on_s, 0) end as idle_share,
    1 - idle_share as engine_productivity,
    fuel_used_l / nullif(fuel_distance_m, 0) * 1e5 as fuel_l_per_100km,
    fuel_used_l * price_per_l as fuel_cost,
    energy_used_kwh / nullif(distance_m, 0) * 1e3 as energy_kwh_per_km,
    idle_fuel_l * price_per_l as idle_cost,
    case when is_electric then 0 else fuel_used_l * co2_kg_per_l end as co2_kg,
    idle_fuel_l * co2_kg_per_l as idle_co2_kg,
    case when co2_kg is not null or idle_co2_kg is not null then core.co2_factor_set() end as co2_factor_set

from measured
