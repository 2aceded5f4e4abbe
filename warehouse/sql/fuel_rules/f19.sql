-- F19, duplicate: card, minute, site, product, volume and amount of another transaction; the first id is kept.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    [first_line, line] as lines,
    {'first': first_line, 'card_last4': card_last4, 'at_utc': at_utc, 'site': site, 'quantity': quantity} as evidence,
    printf(
        'Card, minute (%s), site, product, volume (%s) and amount are those of %s.',
        clock, coalesce(fuel_volume(quantity_l, is_us), printf('%.3f %s', quantity::double, coalesce(unit, ''))), first_line
    ) as explanation

from fuel_cases
where is_duplicate
