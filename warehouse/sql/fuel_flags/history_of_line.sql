-- What became of the flags of a line, in order; of a review who said it and why.

select history.*, reviews.reviewer, reviews.note
from core.fuel_flag_history as history
left join core.fuel_reviews as reviews
    on history.change = 'reviewed'
    and reviews.tenant_id = history.tenant_id
    and reviews.provider = history.provider
    and reviews.provider_txn_id = history.provider_txn_id
    and reviews.item_no = history.item_no
    and reviews.rule_id = history.rule_id
    and reviews.reviewed_utc = history.changed_utc

where history.tenant_id = $tenant_id
    and history.provider = $provider
    and history.provider_txn_id = $provider_txn_id
    and history.item_no = $item_no

order by history.changed_utc, history.rule_id[2:]::integer
