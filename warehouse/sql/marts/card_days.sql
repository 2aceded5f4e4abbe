-- marts.card_days: what the cards of each van bought on each date, by the current version of every line.

select
    tenant_id,
    service_date,
    vehicle_id,
    count(*) as fill_count,
    sum(quantity_l order by provider, provider_txn_id, item_no) as card_l,
    case when count(distinct currency) = 1 and count(net) = count(*) then sum(net) end as card_cost,
    case when count(distinct currency) = 1 then max(currency) end as currency

from core.fuel_lines
where line_kind = 'fill'
    and vehicle_id is not null
    and service_date is not null
    and quantity_l > 0
    and coalesce(fuel_family, 'gasoline') not in ('def', 'electricity', 'other')
group by all
