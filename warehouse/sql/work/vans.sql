-- What is known of the vans of the wanted vehicle-dates: how they report, what drives them, where their depot is.

with

-- The interval of a van is that of the device most of its fixes came from.
reporting as (

    select tenant_id, service_date, vehicle_id, reporting_interval_s
    from (
        select tenant_id, service_date, vehicle_id, device_id, count(*) as fix_count
        from ranked_positions
        where copy_rank = 1
        group by tenant_id, service_date, vehicle_id, device_id
        qualify row_number() over (
            partition by tenant_id, service_date, vehicle_id order by fix_count desc, device_id
        ) = 1
    ) as heard
    join staging.device_ranges as devices using (tenant_id, device_id)
    where service_date >= from_date and service_date < to_date

)

select
    wanted.tenant_id,
    wanted.service_date,
    wanted.vehicle_id,
    coalesce(reporting.reporting_interval_s, vehicles.reporting_interval_s) as reporting_interval_s,
    core.is_electric(vehicles.fuel_type) as is_electric,
    vehicles.tank_l,
    depots.latitude as depot_latitude,
    depots.longitude as depot_longitude,
    coalesce(depots.radius_m, 150) as depot_radius_m

from wanted
left join reporting using (tenant_id, service_date, vehicle_id)
left join staging.vehicle_ranges as vehicles
    on vehicles.tenant_id = wanted.tenant_id
    and vehicles.vehicle_id = wanted.vehicle_id
    and wanted.service_date >= vehicles.from_date
    and wanted.service_date < vehicles.to_date
left join vehicle_date_counts as counts
    on counts.tenant_id = wanted.tenant_id
    and counts.service_date = wanted.service_date
    and counts.vehicle_id = wanted.vehicle_id
left join staging.depot_ranges as depots
    on depots.tenant_id = wanted.tenant_id
    and depots.depot_id = counts.depot_id
    and wanted.service_date >= depots.from_date
    and wanted.service_date < depots.to_date
