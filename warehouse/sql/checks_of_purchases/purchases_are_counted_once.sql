-- Every line of a fuel card is one purchase, and what a van's cards bought on a date is the sum of its fills.
-- severity: warn

with

lines as (

    select tenant_id, provider, provider_txn_id, item_no, coalesce(service_date, posted_date) as bought_on
    from core.fuel_lines

),

counted as (

    select tenant_id, provider, provider_txn_id, item_no, count(*) as row_count
    from marts.fuel_purchases
    group by all

),

bought as (

    select tenant_id, service_date, vehicle_id, sum(quantity_l) as fills_l
    from marts.fuel_purchases
    where line_kind = 'fill'
        and vehicle_id is not null
        and service_date is not null
        and quantity_l > 0
        and coalesce(fuel_family, 'gasoline') not in ('def', 'electricity', 'other')
    group by all

)

select
    tenant_id,
    coalesce(lines.bought_on, date '1970-01-01') as service_date,
    provider || ' ' || provider_txn_id || ' ' || item_no as subject,
    1.0 as expected,
    coalesce(counted.row_count, 0)::double as found
from lines
full join counted using (tenant_id, provider, provider_txn_id, item_no)
where coalesce(counted.row_count, 0) != 1 or lines.tenant_id is null

union all

select tenant_id, service_date, vehicle_id as subject, bought.fills_l as expected, days.card_l as found
from bought
full join marts.card_days as days using (tenant_id, service_date, vehicle_id)
where abs(coalesce(bought.fills_l, 0) - coalesce(days.card_l, 0)) > 1e-6
