-- F1, over tank capacity: a fill of more than the tanks hold.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    ((quantity_l - capacity_l) * price_per_l)::decimal(18, 6) as cost,
    {
        'quantity_l': quantity_l,
        'capacity_l': capacity_l,
        'share': round(quantity_l / capacity_l, 3)
    } as evidence,
    printf(
        '%s bought for %s, whose tank holds %s: %.0f %% more.',
        fuel_volume(quantity_l, is_us), van, fuel_volume(capacity_l, is_us), 100 * (quantity_l / capacity_l - 1)
    ) as explanation

from fuel_cases
where is_fill
    and not may_fill_canisters
    and quantity_l > $capacity_share * capacity_l
