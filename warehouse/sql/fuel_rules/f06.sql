-- F6, moving while fuelling: every position of the minutes around the purchase is of a van on the move.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {
        'min_speed_3_kmh': round(min_speed_3_kmh, 1),
        'fix_count_3': fix_count_3,
        'nearest_15_m': round(nearest_15_m, 0),
        'ts_quality': ts_quality
    } as evidence,
    printf(
        'In the 3 min before and after %s %s never moved slower than %s (%d positions).',
        clock, van,
        if(
            is_us,
            printf('%.0f mph (%.0f km/h)', min_speed_3_kmh / 1.609344, min_speed_3_kmh),
            printf('%.0f km/h (%.0f mph)', min_speed_3_kmh, min_speed_3_kmh / 1.609344)
        ),
        fix_count_3
    ) as explanation

from fuel_cases
where line_kind in ('fill', 'pending')
    and is_lead
    and not is_duplicate
    and ts_quality in ('exact', 'offset')
    and at_utc_alternative is null
    and time_shift_h is null
    and fix_count_3 >= $fix_count
    and min_speed_3_kmh > $moving_kmh
