-- The flags of a line.

select flags.*, rules.title
from marts.fuel_exceptions as flags
join marts.fuel_rules as rules using (rule_id)

where tenant_id = $tenant_id
    and provider = $provider
    and provider_txn_id = $provider_txn_id
    and item_no = $item_no

order by rule_id[2:]::integer
