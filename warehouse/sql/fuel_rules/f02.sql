-- F2, more than free space: a fill of more than there was room in the tank, by the level read before it.

with

judged as (

    select
        *,
        (1 - level_before_pct / 100) * tank_l as room_l
    from fuel_cases
    where is_fill
        and not may_fill_canisters
        and tank2_l is null
        and tank_l > 0
        and match_state = 'match'
        and time_shift_h is null
        and level_before_age_s <= $level_age_s
        and level_count_day >= $level_count
        and level_span_day_pct > $level_span_pct

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    ((quantity_l - room_l) * price_per_l)::decimal(18, 6) as cost,
    {
        'quantity_l': quantity_l,
        'room_l': round(room_l, 1),
        'tank_l': tank_l,
        'level_before_pct': level_before_pct,
        'level_before_age_s': level_before_age_s
    } as evidence,
    printf(
        '%s bought for %s; %.0f min before, its tank was %.0f %% full, with room for %s.',
        fuel_volume(quantity_l, is_us), van, level_before_age_s / 60, level_before_pct, fuel_volume(room_l, is_us)
    ) as explanation

from judged
where quantity_l > room_l + $margin_share * tank_l
