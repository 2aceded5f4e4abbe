-- All fleets together in the week and up to seven before it, oldest first.

select
    date_from,
    measure,
    unit,
    unit_count,
    value,
    ci_low,
    ci_high,
    standard_error,
    currency

from report_weeks

where level = 'network'
    and date_from between $first::date - 49 and $first::date

order by date_from, measure
