-- F14, price outlier: dearer than others that day in that state for that product, else than the price of the region.

with

priced as (

    select *
    from fuel_cases
    where line_kind = 'fill'
        and not is_duplicate
        and product is not null
        and price_per_l > 0
        and service_date is not null
        and currency is not null

),

days as (

    select
        tenant_id,
        service_date,
        state,
        product,
        currency,
        count(*) as purchase_count,
        median(price_per_l) as median_per_l,
        mad(price_per_l) as deviation
    from priced
    where state is not null
    group by all

),

products as (

    select
        product,
        unnest(core.price_products(product)) as price_product,
        generate_subscripts(core.price_products(product), 1) as product_rank
    from (select distinct product from priced)

),

regional as (

    select
        priced.tenant_id,
        priced.line,
        prices.region,
        prices.from_date,
        core.price_per_l(prices.price, prices.unit) as regional_per_l
    from priced
    join products using (product)
    join fuel_price_regions as regions on regions.state = upper(priced.state)
    join core.prices as prices
        on prices.product = products.price_product
        and lower(prices.region) = lower(regions.region)
        and prices.currency = priced.currency
        and prices.from_date between priced.service_date - $price_age_days::integer and priced.service_date
    where core.price_per_l(prices.price, prices.unit) is not null
        and (regions.city is null or regions.city = lower(priced.city))
    qualify row_number() over (
        partition by priced.tenant_id, priced.line
        order by regions.rank, products.product_rank, prices.from_date desc, prices.region
    ) = 1

),

compared as (

    select
        priced.*,
        if(days.purchase_count >= $purchase_count, 'purchases of the day', 'price of the region') as compared_with,
        if(days.purchase_count >= $purchase_count, days.median_per_l, regional_per_l) as usual_per_l,
        case
            when days.purchase_count >= $purchase_count
            then greatest(1.4826 * days.deviation, $sigma_share * days.median_per_l)
        end as sigma_per_l,
        coalesce(days.purchase_count, 0) as purchase_count,
        region,
        from_date
    from priced
    left join days using (tenant_id, service_date, state, product, currency)
    left join regional using (tenant_id, line)

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    ((price_per_l - usual_per_l) * quantity_l)::decimal(18, 6) as cost,
    {
        'price_per_l': round(price_per_l, 4),
        'usual_per_l': round(usual_per_l, 4),
        'share': round(price_per_l / usual_per_l, 3),
        'z': round((price_per_l - usual_per_l) / sigma_per_l, 2),
        'compared_with': compared_with,
        'purchase_count': purchase_count,
        'state': state,
        'product': product,
        'region': if(sigma_per_l is null, region, null),
        'region_from_date': if(sigma_per_l is null, from_date, null)
    } as evidence,
    printf(
        '%s for %s, %.0f %% more than %s: %s.',
        fuel_price(price_per_l, currency, is_us), replace(product, '_', ' '), 100 * (price_per_l / usual_per_l - 1),
        if(
            sigma_per_l is null,
            printf('the price known for %s from %s', region, from_date::varchar),
            printf('the median of %d purchases in %s that day', purchase_count, state)
        ),
        fuel_price(usual_per_l, currency, is_us)
    ) as explanation

from compared
where price_per_l > $dearer_share * usual_per_l
    or (price_per_l > usual_per_l + $z * sigma_per_l and price_per_l > $z_dearer_share * usual_per_l)
