-- lake.positions: one row per accepted position, repeats removed. Places outside the scheduled window are not
-- shown; places near an overnight stand away from a depot are cells of 1 km. Where a place is not exact nothing is shown
-- that leads to it from an exact one: speed, heading, height, odometer, extras.

create or replace view lake.positions as
select
    tenant_id,
    vehicle_id,
    device_id,
    service_date,
    at_utc as fix_utc,
    make_timestamp(received_us) as received_utc,
    {shown_latitude} as latitude,
    {shown_longitude} as longitude,
    {place_precision_m} as place_precision_m,
    case when {tells_no_place} then speed_ckmh / 100.0::double end as speed_kmh,
    case when {tells_no_place} then heading_ddeg / 10.0::double end as heading_deg,
    case when {tells_no_place} then altitude_dm / 10.0::double end as altitude_m,
    ignition,
    pto,
    rpm,
    case when coalesce(place_precision_m, 0) = 0 then odometer_m end as odometer_m,
    fuel_cpct / 100.0::double as fuel_pct,
    fuel_ml / 1000.0::double as fuel_l,
    fuel_used_ml / 1000.0::double as fuel_used_l,
    battery_mv / 1000.0::double as battery_v,
    charge_cpct / 100.0::double as charge_pct,
    energy_out_wh / 1000.0::double as energy_out_kwh,
    charging as is_charging,
    hdop_c / 100.0::double as hdop,
    satellites,
    accuracy_dm / 10.0::double as accuracy_m,
    quality,
    flags,
    boot,
    seq,
    backlog as is_backlog,
    route_id,
    case when {tells_no_place} then extra end as extra,
    source_format,
    spool_id || '/' || segment_no as segment,
    fix_date
from ({ranked}) as ranked
left join core.place_guards as guards using (tenant_id, vehicle_id, service_date)
where copy_rank = 1
