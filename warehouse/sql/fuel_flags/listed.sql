-- The flags of a list: newest date first, the gravest first within a date.

select flags.*, lines.zone
from marts.fuel_exceptions as flags
left join core.fuel_lines as lines using (tenant_id, provider, provider_txn_id, item_no)

where flags.tenant_id = coalesce($tenant, flags.tenant_id)
    and ($since::date is null or flags.service_date >= $since::date)
    and ($until::date is null or flags.service_date <= $until::date)
    and flags.rule_id = coalesce($rule_id, flags.rule_id)
    and flags.state = coalesce($state, flags.state)

order by
    flags.service_date desc nulls last,
    case flags.severity when 'high' then 0 when 'medium' then 1 when 'low' then 2 else 3 end,
    flags.tenant_id,
    flags.provider,
    flags.provider_txn_id,
    flags.item_no,
    rule_id
