-- Idling of each van by weekday. Shares are sums over sums, so days with more driving weigh more.
select
    tenant_id,
    vehicle_id,
    isodow(service_date) as weekday,
    count(*) as day_count,
    sum(idle_s) as idle_s,
    sum(engine_on_s) as engine_on_s,
    sum(idle_s) / nullif(sum(engine_on_s), 0) as idle_share,
    sum(idle_cost) as idle_cost,
    any_value(currency) as currency
from {{ source('marts', 'vehicle_days') }}
group by all
