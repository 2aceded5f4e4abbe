-- Rows of {source}, resolved positions, each with its rank among the rows of one key and whether it contradicts
-- the first of them.
--
-- The key is (tenant, device, fix time, boot, seq). Of rows with one key the one with most values wins, then the
-- smallest payload hash: how they arrived decides nothing.

select
    *,
    row_number() over copies as copy_rank,
    content != first_value(content) over copies as is_conflict

from (
    select
        *,
        hash(
            latitude_e7, longitude_e7, speed_ckmh, heading_ddeg, altitude_dm, ignition, pto, rpm, odometer_m, fuel_cpct,
            fuel_ml, fuel_used_ml, battery_mv, charge_cpct, energy_out_wh, charging, hdop_c, satellites, accuracy_dm,
            route_id, quality, extra
        ) as content,
        (latitude_e7 is not null)::int + (speed_ckmh is not null)::int + (heading_ddeg is not null)::int
        + (altitude_dm is not null)::int + (ignition is not null)::int + (pto is not null)::int + (rpm is not null)::int
        + (odometer_m is not null)::int + (fuel_cpct is not null)::int + (fuel_ml is not null)::int
        + (fuel_used_ml is not null)::int + (battery_mv is not null)::int + (charge_cpct is not null)::int
        + (energy_out_wh is not null)::int + (charging is not null)::int + (hdop_c is not null)::int
        + (satellites is not null)::int + (accuracy_dm is not null)::int + (route_id is not null)::int
        + (extra is not null)::int as value_count
    from {source}
)

window copies as (
    partition by tenant_id, vehicle_id, service_date, fix_date, device_id, fix_ms, boot, seq
    order by value_count desc, payload_hash, point_index, spool_id, segment_no
)
