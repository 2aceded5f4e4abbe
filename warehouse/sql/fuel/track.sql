-- The accepted positions in the order the kernel reads them: of assigned vans those of their spans, of others all that
-- were read.

select
    positions.tenant_id,
    positions.vehicle_id,
    positions.fix_ms,
    positions.latitude_e7,
    positions.longitude_e7,
    positions.speed_ckmh,
    positions.ignition,
    positions.rpm,
    positions.battery_mv,
    positions.charging,
    positions.odometer_m,
    coalesce(positions.fuel_cpct / 100.0, positions.fuel_ml / 10.0 / vans.tank_l)::float as level_pct,
    positions.quality
from fuel_ranked as positions
left join (
    select tenant_id, vehicle_id, max(tank_l) as tank_l from fuel_candidates where tank_l > 0 group by all
) as vans using (tenant_id, vehicle_id)
where positions.copy_rank = 1
order by
    positions.tenant_id, positions.vehicle_id, fix_ms, boot, seq, payload_hash, point_index, device_id
