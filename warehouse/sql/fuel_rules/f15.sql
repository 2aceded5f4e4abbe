-- F15, arithmetic: volume times unit price is not the amount, and no part of the ticket explains it.

with

credits as (

    select tenant_id, provider, provider_txn_id, sum(amount::double) as credit
    from fuel_cases
    where line_kind = 'credit'
    group by all

),

computed as (

    select
        cases.*,
        quantity::double * unit_price::double as product_amount,
        gross::double - quantity::double * unit_price::double as difference,
        list_filter(
            [
                discount::double, tax::double, exempt_tax::double, fees::double, (gross - net)::double, credit,
                discount::double + tax::double, discount::double + fees::double, discount::double + exempt_tax::double,
                tax::double + fees::double, tax::double + exempt_tax::double,
                tax::double - discount::double, fees::double - discount::double
            ],
            lambda part: part != 0
        ) as parts
    from fuel_cases as cases
    left join credits using (tenant_id, provider, provider_txn_id)
    where line_kind in ('fill', 'charge', 'non_fuel')
        and not is_duplicate
        and quantity > 0
        and unit_price > 0
        and gross > 0

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    abs(difference)::decimal(18, 6) as cost,
    {
        'quantity': quantity,
        'unit': unit,
        'unit_price': unit_price,
        'gross': gross,
        'computed': round(product_amount, 2),
        'difference': round(difference, 2)
    } as evidence,
    printf(
        '%s is charged; %.3f %s at %s are %s, %s %s.',
        fuel_money(gross, currency), quantity::double, coalesce(unit, ''), printf('%.3f', unit_price::double),
        fuel_money(product_amount, currency), fuel_money(abs(difference), currency),
        if(difference > 0, 'less', 'more')
    ) as explanation

from computed
where abs(difference) > $difference_share * abs(gross::double)
    and abs(difference) > $difference
    and len(list_filter(
        parts, lambda part: abs(abs(difference) - abs(part)) <= 0.02 + 0.005 * abs(gross::double)
    )) = 0
