-- How much each van that is available at the end of the period was used in it, the least used first.

with

days as (

    select service_date, vehicle_id, depot_id, is_available, fleet_status, is_dispatched or fleet_status = 'active' as is_out
    from marts.status_days
    where tenant_id = $tenant_id and service_date between $first::date and $last::date

),

newest as (

    select vehicle_id, depot_id
    from days
    where is_available
    qualify service_date = max(service_date) over ()

)

select
    newest.depot_id,
    newest.vehicle_id,
    count(*) filter (days.is_out) as day_count,
    coalesce(sum(driven.engine_on_s order by days.service_date) filter (days.is_out), 0) as engine_on_s,
    any_value(registered.fixed_cost_per_day)::double as cost_per_day

from newest
join days using (vehicle_id)
left join (
    select * from marts.vehicle_days where tenant_id = $tenant_id and service_date between $first::date and $last::date
) as driven using (vehicle_id, service_date)
left join (from core.vehicles_on($last::date) where tenant_id = $tenant_id) as registered using (vehicle_id)
group by newest.depot_id, newest.vehicle_id
having bool_or(days.fleet_status != 'non_communicating')
order by newest.depot_id, day_count, engine_on_s, newest.vehicle_id
