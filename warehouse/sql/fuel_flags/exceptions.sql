-- marts.fuel_exceptions: one row per line of a purchase and rule that fires on it.

select
    flags.* exclude (basis),
    first_opened.first_opened_utc,
    $now::timestamp as evaluated_utc

from fuel_flags as flags
left join (
    select tenant_id, provider, provider_txn_id, item_no, rule_id, min(changed_utc) as first_opened_utc
    from core.fuel_flag_history
    where change = 'opened'
    group by all
) as first_opened using (tenant_id, provider, provider_txn_id, item_no, rule_id)
