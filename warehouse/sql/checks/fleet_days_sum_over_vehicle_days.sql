-- The times, metres, stops and litres of a fleet's day are the sums over its vans.
-- severity: error

with

vans as (

    select
        tenant_id,
        count(*) as vehicles_heard,
        sum(drive_s) as drive_s,
        sum(idle_s) as idle_s,
        sum(engine_on_s) as engine_on_s,
        sum(excess_idle_s) as excess_idle_s,
        sum(distance_m) as distance_m,
        sum(stop_count) as stop_count,
        coalesce(sum(idle_fuel_l), 0) as idle_fuel_l
    from marts.vehicle_days
    where service_date = $day
    group by all

)

select
    coalesce(fleets.tenant_id, vans.tenant_id) as tenant_id,
    $day as service_date,
    fleets.vehicles_heard as fleet_vehicles_heard,
    vans.vehicles_heard,
    fleets.engine_on_s as fleet_engine_on_s,
    vans.engine_on_s,
    fleets.distance_m as fleet_distance_m,
    vans.distance_m

from (from marts.fleet_days where service_date = $day) as fleets
full join vans using (tenant_id)
where coalesce(fleets.vehicles_heard, -1) != coalesce(vans.vehicles_heard, 0)
    or fleets.stop_count != coalesce(vans.stop_count, 0)
    or abs(fleets.drive_s - vans.drive_s) > 1e-3
    or abs(fleets.idle_s - vans.idle_s) > 1e-3
    or abs(fleets.engine_on_s - vans.engine_on_s) > 1e-3
    or abs(fleets.excess_idle_s - vans.excess_idle_s) > 1e-3
    or abs(fleets.distance_m - vans.distance_m) > 1e-3
    or abs(coalesce(fleets.idle_fuel_l, 0) - vans.idle_fuel_l) > 1e-6
