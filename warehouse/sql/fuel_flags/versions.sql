-- The versions of a line, in the order in which they count.

select *
from lake.purchases

where tenant_id = $tenant_id
    and provider = $provider
    and provider_txn_id = $provider_txn_id
    and item_no = $item_no

order by
    try_cast(seq as bigint) nulls first,
    case event_type
        when 'auth' then 1 when 'auth_reversal' then 2 when 'decline' then 2 when 'clear' then 3 when 'post' then 4 else 5
    end,
    posted_date nulls first,
    content_hash
