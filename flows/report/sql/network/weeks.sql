-- The weeks of the network that were over by $last, of the last nine.

select
    date_from,
    date_to,
    level,
    tenant_id,
    depot_id,
    measure,
    unit,
    unit_count,
    value,
    ci_low,
    ci_high,
    standard_error,
    engine_coverage,
    currency,
    rank,
    ranked_count

from marts.network_weeks

where date_to <= $last::date
    and date_from > $last::date - 63
    and level in ('network', 'depot')
