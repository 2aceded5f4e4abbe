-- Each depot in the week, and what it was the week before; money of two weeks compares only in one currency.

select
    depot.tenant_id,
    depot.depot_id,
    depot.measure,
    depot.unit,
    depot.unit_count,
    depot.value,
    depot.ci_low,
    depot.ci_high,
    depot.standard_error,
    depot.engine_coverage,
    depot.currency,
    depot.rank,
    depot.ranked_count,
    before.value as value_before,
    before.standard_error as standard_error_before

from report_weeks as depot
left join report_weeks as before
    on before.level = 'depot'
    and before.date_from = $first::date - 7
    and before.tenant_id = depot.tenant_id
    and before.depot_id = depot.depot_id
    and before.measure = depot.measure
    and before.currency is not distinct from depot.currency

where depot.level = 'depot' and depot.date_from = $first::date

order by depot.tenant_id, depot.depot_id, depot.measure
