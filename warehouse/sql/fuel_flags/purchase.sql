-- One line of a purchase, as it stands.

select
    purchases.*,
    lines.zone,
    lines.at_utc

from marts.fuel_purchases as purchases
left join core.fuel_lines as lines using (tenant_id, provider, provider_txn_id, item_no)

where tenant_id = $tenant_id
    and provider = $provider
    and provider_txn_id = $provider_txn_id
    and item_no = $item_no
