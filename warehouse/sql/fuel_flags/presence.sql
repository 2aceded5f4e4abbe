-- The vans near a line, that of the card first.

select *
from core.fuel_presence

where tenant_id = $tenant_id
    and provider = $provider
    and provider_txn_id = $provider_txn_id
    and item_no = $item_no

order by is_assigned desc, nearest_60_m nulls last, vehicle_id, candidate
