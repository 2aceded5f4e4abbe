-- marts.legal_idle_events: one row per idle run and legal limit it was possibly over, where that holds for the van.

select
    tenant_id,
    service_date,
    vehicle_id,
    definition_id,
    definition_version,
    jurisdiction,
    route_id,
    started_utc,
    ended_utc,
    measured_us / 1e6 as duration_s,
    threshold_us / 1e6 as limit_s,
    (measured_us - threshold_us) / 1e6 as excess_s,
    window_us // 1_000_000 as window_s,
    latitude,
    longitude,
    printf(
        'Possible idling over the limit of %s: %.10g s%s against %.10g s; a lead, not proof.',
        place,
        duration_s,
        case when window_s > 0 then printf(' within %d min', window_s // 60) else '' end,
        limit_s
    ) as wording

from day_verdicts
where service_date = $day and kind = 'legal' and verdict = 'taken'
