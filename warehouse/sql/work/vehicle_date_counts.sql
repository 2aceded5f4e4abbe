-- What arrived for each wanted vehicle-date (`work/vehicle_date_counted.sql`), and whose it is. Its depot is the one the
-- van was assigned to first, else its plan's.

with

plans as (

    select planned.tenant_id, planned.service_date, planned.vehicle_id, min(planned.depot_id) as planned_depot_id
    from core.planned_routes as planned
    semi join staging.depot_ranges as depots
        on depots.tenant_id = planned.tenant_id
        and depots.depot_id = planned.depot_id
        and planned.service_date >= depots.from_date
        and planned.service_date < depots.to_date
    group by all

)

select
    counted.* exclude (assigned_depot_id, is_assigned),
    coalesce(assigned_depot_id, planned_depot_id) as depot_id,
    is_assigned
    or (tenant_id, vehicle_id) in (select (tenant_id, vehicle_id) from core.vehicles) as is_registered

from vehicle_date_counted as counted
left join plans using (tenant_id, service_date, vehicle_id)
