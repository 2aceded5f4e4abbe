-- F11, wrong fuel: not a fuel of the van (high), dyed diesel (high), premium where it is not allowed (low).

with

fuels as (

    select * from (
        values
            ('gasoline', ['gasoline', 'e85', 'cng', 'lpg']), -- may be flex fuel or converted: not known
            ('diesel', ['diesel']),
            ('diesel_step_van', ['diesel']),
            ('e85', ['gasoline', 'e85']),
            ('flex', ['gasoline', 'e85']),
            ('hybrid', ['gasoline', 'e85', 'electricity']),
            ('plug_in_hybrid', ['gasoline', 'e85', 'electricity']),
            ('cng', ['cng', 'gasoline']),
            ('lpg', ['lpg', 'gasoline']),
            ('electric', ['electricity']),
            ('bev', ['electricity']),
            ('electricity', ['electricity'])
    ) as fuels (fuel_type, families)

),

judged as (

    select
        cases.*,
        case
            when not list_contains(fuels.families, fuel_family)
                and fuel_family in ('gasoline', 'diesel', 'e85', 'electricity')
            then 'misfuel'
            when fuel_family = 'diesel' and regexp_matches(product, 'tax_?exempt|dyed') then 'dyed'
            when fuel_family in ('gasoline', 'diesel') and product like '%premium%' and not may_buy_premium
            then 'premium'
        end as finding
    from fuel_cases as cases
    join fuels on fuels.fuel_type = lower(cases.vehicle_fuel_type)
    where line_kind in ('fill', 'charge')
        and not is_duplicate
        and not may_fill_canisters
        and product is not null
        and not list_has_any(
            allowed_products, [lower(product), fuel_family, lower(coalesce(product_code, '–')), lower(coalesce(product_raw, '–'))]
        )

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    if(finding = 'premium', 'low', 'high') as severity,
    amount as cost,
    {
        'finding': finding,
        'product': product,
        'product_code': product_code,
        'code_set': code_set,
        'vehicle_fuel_type': vehicle_fuel_type
    } as evidence,
    case finding
        when 'misfuel' then printf(
            '%s was bought (code %s%s); %s is registered as %s.',
            replace(product, '_', ' '), coalesce(product_code, 'not given'), coalesce(' of ' || code_set, ''), van,
            vehicle_fuel_type
        )
        when 'dyed' then printf('Tax-exempt (dyed) diesel was bought for %s, which is registered for the road.', van)
        else printf('%s was bought; premium is not allowed for %s.', replace(product, '_', ' '), van)
    end as explanation

from judged
where finding is not null
