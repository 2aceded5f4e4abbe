-- The tenants with news of service date $day, or whose rows of it are held back, and how many vans each has on it.

with stale as (

    select tenant_id from core.reopened where service_date = $day
    union
    select tenant_id from core.held_back where service_date = $day

),

vans as (

    select tenant_id, vehicle_id from core.vehicle_dates where service_date = $day
    union
    select tenant_id, vehicle_id from staging.reopened_vans where service_date = $day

)

select
    stale.tenant_id,
    count(vans.vehicle_id) as van_count

from stale
left join vans using (tenant_id)
group by all
order by all
