-- fuel_basis: digests of what a line is judged by, so that history can say why a flag came or went.

with

positions as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        md5(string_agg(
            concat_ws(
                '|', vehicle_id, candidate, fix_count_60, fix_count_15, fix_count_3, nearest_10_m, nearest_15_m,
                nearest_60_m, nearest_offset_s, day_nearest_m, day_fix_count, min_speed_3_kmh, engine_on_site_s,
                level_before_pct, level_after_pct, odometer_m, shift_h
            ),
            ';' order by vehicle_id, candidate
        )) as digest
    from core.fuel_presence
    group by all

)

select
    lines.tenant_id,
    lines.provider,
    lines.provider_txn_id,
    lines.item_no,
    md5(concat_ws('|', lines.event_type, lines.version_count, lines.payload_hash, lines.line_kind)) as version,
    lines.vehicle_id as vehicle,
    concat_ws('|', positions.digest, days.revision) as positions

from core.fuel_lines as lines
left join positions using (tenant_id, provider, provider_txn_id, item_no)
left join marts.vehicle_days as days using (tenant_id, vehicle_id, service_date)
