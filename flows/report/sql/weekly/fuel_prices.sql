-- What fuel cost at the pump this week, by product, beside the median price of the area where and when it was bought.
-- Which regions stand for a place is told by fuel_price_regions, as for the rule about dear fuel.

with

bought as (

    select
        provider || '/' || provider_txn_id || '/' || item_no as line,
        service_date,
        state,
        lower(city) as city,
        product,
        price_per_l::double as price_per_l,
        quantity_l,
        currency

    from marts.fuel_purchases
    where tenant_id = $tenant_id
        and service_date between $first::date and $first::date + 6
        and line_kind = 'fill'
        and product is not null
        and price_per_l > 0
        and quantity_l > 0
        and event_type not in ('decline', 'reversal')

),

products as (

    select
        product,
        unnest(core.price_products(product)) as price_product,
        generate_subscripts(core.price_products(product), 1) as product_rank

    from (select distinct product from bought)

),

priced as (

    select
        bought.line,
        core.price_per_l(prices.price, prices.unit)::double as area_per_l,
        prices.region

    from bought
    join products using (product)
    join fuel_price_regions as regions on regions.state = upper(bought.state)
    join core.prices as prices
        on prices.product = products.price_product
        and lower(prices.region) = lower(regions.region)
        and prices.currency = bought.currency
        and prices.from_date between bought.service_date - 21 and bought.service_date

    where core.price_per_l(prices.price, prices.unit) is not null
        and (regions.city is null or regions.city = bought.city)
    qualify row_number() over (
        partition by bought.line
        order by regions.rank, products.product_rank, prices.from_date desc, prices.region
    ) = 1

)

select
    product,
    currency,
    count(*) as purchase_count,
    sum(quantity_l order by line) as quantity_l,
    sum(price_per_l * quantity_l order by line) / sum(quantity_l order by line) as paid_per_l,
    count(area_per_l) as compared_count,
    sum(quantity_l order by line) filter (area_per_l is not null) as compared_l,
    sum(area_per_l * quantity_l order by line)
    / sum(quantity_l order by line) filter (area_per_l is not null) as area_per_l,
    sum((price_per_l - area_per_l) * quantity_l order by line) as extra_cost,
    string_agg(distinct region, ', ' order by region) as regions

from bought
left join priced using (line)

group by product, currency
order by quantity_l desc, product, currency
