-- What is known of the vans of the wanted vehicle-dates: how they report, what drives them, where their depot is.

select
    wanted.tenant_id,
    wanted.service_date,
    wanted.vehicle_id,
    try_cast(vehicles.extra ->> 'reporting_interval_s' as double) as reporting_interval_s,
    core.is_electric(vehicles.fuel_type) as is_electric,
    vehicles.tank_l,
    depots.latitude as depot_latitude,
    depots.longitude as depot_longitude,
    coalesce(depots.radius_m, 150) as depot_radius_m

from wanted
left join core.vehicles as vehicles
    on vehicles.tenant_id = wanted.tenant_id
    and vehicles.vehicle_id = wanted.vehicle_id
    and wanted.service_date >= coalesce(vehicles.valid_from, date '1970-01-01')
    and wanted.service_date < coalesce(vehicles.valid_to, date '9999-12-31')
left join vehicle_date_counts as counts
    on counts.tenant_id = wanted.tenant_id
    and counts.service_date = wanted.service_date
    and counts.vehicle_id = wanted.vehicle_id
left join core.depots as depots
    on depots.tenant_id = wanted.tenant_id
    and depots.depot_id = counts.depot_id
qualify row_number() over (
    partition by wanted.tenant_id, wanted.service_date, wanted.vehicle_id order by vehicles.valid_from desc nulls last
) = 1
