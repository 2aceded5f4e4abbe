-- The accepted positions of the wanted vehicle-dates in the order the kernels read them.

select
    tenant_id,
    service_date,
    vehicle_id,
    device_id,
    fix_ms,
    latitude_e7,
    longitude_e7,
    speed_ckmh,
    ignition,
    pto,
    rpm,
    battery_mv,
    charging,
    odometer_m,
    fuel_cpct,
    fuel_ml,
    fuel_used_ml,
    energy_out_wh,
    quality,
    accuracy_dm,
    route_id,
    source_format
from ranked_positions
where copy_rank = 1
order by tenant_id, service_date, vehicle_id, fix_ms, boot, seq, payload_hash, point_index, device_id
