-- Which definition took or left each idle run of a day, and why: one row for each run (stretch, stand) and definition.
-- marts.idle_by_definition and marts.legal_idle_events are sums and rows of this and nothing else (`day_verdicts`).

with

exits as (

    select tenant_id, vehicle_id, route_id, max(planned_exit_utc) as planned_exit_utc
    from core.planned_routes
    where service_date = {day}
    group by all

),

-- Found once for both branches below; what is asked of them is not kept, it is thirty times as many rows.
units as materialized (

    select units.*, coalesce(units.started_utc < exits.planned_exit_utc, false) as is_before_exit
    from {idle_units} as units
    left join exits using (tenant_id, vehicle_id, route_id)
    where units.service_date = {day}

),

asked as not materialized (

    select
        units.*,
        terms.* exclude (tenant_id, vehicle_id, unit, threshold_us, known_place_threshold_us),
        case when units.context in ('depot', 'fuel_site') then known_place_threshold_us else threshold_us end
            as threshold_us,
        case
            when jurisdiction is null or list_contains(units.jurisdictions, jurisdiction) then true
            when units.place_precision_m is not null or units.latitude is not null or len(units.jurisdictions) > 0 then false
        end as is_in_place,
        len(ignored_contexts) > 0 and (
            list_contains(ignored_contexts, units.context)
            or units.context = 'depot' and is_before_exit and list_contains(ignored_contexts, 'depot_before_exit')
        ) as is_ignored_context,
        units.is_pto and not pto_counts as is_ignored_pto,
        kind = 'legal' and not units.is_full_quality as is_doubtful,
        not is_ignored_context and not is_ignored_pto and not is_doubtful as is_eligible
    from units
    join core.definition_terms_on({day}) as terms
        on units.tenant_id = terms.tenant_id
        and units.vehicle_id = terms.vehicle_id
        and units.unit = terms.unit
        and {may_be_over}

),

measured as (

    select *, duration_us as measured_us from asked where window_us = 0 or not is_eligible
    union all by name
    -- Idle time inside the window that ends with the run. While a van idles the sum can only grow, so a run's last
    -- instant decides. Of the first run in the window only the part inside counts.
    select
        *,
        sum(duration_us) over inside
        - greatest(0, epoch_us(ended_utc) - window_us - min(epoch_us(started_utc)) over inside) as measured_us
    from asked
    where window_us > 0 and is_eligible
    window inside as (
        partition by tenant_id, vehicle_id, definition_id, is_in_place
        order by epoch_us(ended_utc) range between window_us preceding and current row
    )

),

judged as (

    select
        *,
        is_for_van and is_in_place as applies,
        is_eligible and (measured_us > threshold_us or measured_us = threshold_us and bound = 'at_least') as is_over,
        case when is_over then idle_us - case when counts_first then 0 else threshold_us end else 0 end::bigint
            as if_applied_us
    from measured

)

select
    tenant_id,
    service_date,
    vehicle_id,
    definition_id,
    definition_version,
    kind,
    jurisdiction,
    place,
    unit,
    started_utc,
    ended_utc,
    duration_us,
    context,
    route_id,
    is_pto,
    latitude,
    longitude,
    threshold_us,
    window_us,
    measured_us::bigint as measured_us,
    applies,
    is_over,
    if_applied_us,
    case when applies then if_applied_us else 0 end as counted_us,
    case when is_over and applies then 'taken' else 'left' end as verdict,
    case
        when refusal is not null then refusal
        when is_in_place = false then 'not in ' || place || ', or too near its border to say'
        when is_ignored_context and context = 'depot' and list_contains(ignored_contexts, 'depot')
            then 'at the depot'
        when is_ignored_context and context = 'depot' then 'at the depot before the planned exit'
        when is_ignored_context and context = 'traffic' then 'standing in traffic'
        when is_ignored_context then 'context ' || context
        when is_ignored_pto then 'power take-off was on'
        when is_doubtful then 'not every fix in it is good to 50 m'
        else
            case
                when is_over and threshold_us = 0 then 'every second counts'
                when window_us > 0 then printf(
                    '%.10g s of idling within %d min %s %.10g s',
                    measured_us / 1e6, window_us // 60_000_000,
                    case when is_over then 'is more than' else 'does not exceed' end, threshold_us / 1e6
                )
                else case
                    when bound = 'at_least' then case when is_over then 'at least' else 'shorter than' end
                    when is_over then 'longer than'
                    else 'not longer than'
                end || printf(' %.10g s', threshold_us / 1e6)
            end
            || case
                when not is_over then ''
                when unit = 'stand' then printf(' of standing, %.10g s of it idle', idle_us / 1e6)
                when not counts_first then ', the time up to it not counted'
                else ''
            end
            || case
                when not is_over or applies then ''
                when is_in_place is null then ', but the place is not known'
                else ', but ' || missing
            end
    end as reason

from judged
