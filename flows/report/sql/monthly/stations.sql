-- Fuel bought in the month by station and fuel, dearest sum first, beside what all stations took for that fuel.

with

bought as (

    select
        coalesce(station_name, site_name, site_id, 'not known') as station,
        nullif(concat_ws(', ', city, state), '') as town,
        coalesce(fuel_family, product, 'not known') as fuel,
        quantity_l::double as quantity_l,
        net,
        currency
    from marts.fuel_purchases
    where tenant_id = $tenant_id
        and service_date between $first::date and $last::date
        and line_kind in ('fill', 'charge')
        and net is not null

),

fuels as (

    select fuel, currency, (sum(net) / nullif(sum(quantity_l), 0))::double as price_per_l
    from bought
    where quantity_l > 0
    group by all

)

select
    station,
    town,
    fuel,
    count(*) as purchase_count,
    sum(bought.quantity_l) as quantity_l,
    sum(net)::double as net,
    bought.currency,
    ((sum(net) filter (bought.quantity_l > 0)) / nullif(sum(bought.quantity_l), 0))::double as price_per_l,
    any_value(fuels.price_per_l) as mean_price_per_l

from bought
left join fuels using (fuel, currency)

group by all
order by net desc, station, town, fuel
