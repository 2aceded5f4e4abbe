-- F12, non-fuel purchase: anything else than fuel, wash, exhaust fluid and what the van is allowed.

with

named as (

    select
        *,
        string_split_regex(lower(concat_ws(' ', product, product_raw)), '[^a-z0-9]+') as words
    from fuel_cases
    where line_kind = 'non_fuel'

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {'product': product, 'product_raw': product_raw, 'product_code': product_code, 'code_set': code_set} as evidence,
    printf(
        '%s was bought%s.',
        coalesce(nullif(product_raw, ''), replace(product, '_', ' ')),
        coalesce(' for ' || fuel_money(amount, currency), '')
    ) as explanation

from named
where coalesce(product, product_raw) is not null
    and coalesce(fuel_family, '') != 'def'
    and coalesce(amount, 1) > 0
    and not list_has_any(words, $allowed)
    and not list_has_any(words, ['discount', 'disc', 'dis', 'surcharge', 'fee', 'fees', 'tax', 'rebate', 'credit', 'administrative', 'adjustment'])
    and not list_has_any(
        allowed_products, list_concat(words, [lower(coalesce(product, '–')), lower(coalesce(product_code, '–'))])
    )
