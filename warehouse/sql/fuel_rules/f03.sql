-- F3, no level rise: a fill after which the level rose by less than half of what should be seen.

with

judged as (

    select
        *,
        least(100 * quantity_l / tank_l, 100 - level_before_pct) as expected_pct,
        level_after_pct - level_before_pct as rise_pct
    from fuel_cases
    where is_fill
        and not may_fill_canisters
        and tank2_l is null
        and tank_l > 0
        and match_state = 'match'
        and time_shift_h is null
        and level_before_age_s <= $level_age_s
        and level_after_age_s <= $level_age_s
        and level_count_day >= $level_count
        and level_span_day_pct > $level_span_pct

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {
        'quantity_l': quantity_l,
        'tank_l': tank_l,
        'expected_rise_pct': round(expected_pct, 1),
        'rise_pct': round(rise_pct, 1),
        'level_before_pct': level_before_pct,
        'level_before_age_s': level_before_age_s,
        'level_after_pct': level_after_pct,
        'level_after_age_s': level_after_age_s
    } as evidence,
    printf(
        'The level of %s went from %.0f %% to %.0f %% of the tank; %s should raise it by about %.0f %%.',
        van, level_before_pct, level_after_pct, fuel_volume(quantity_l, is_us), expected_pct
    ) as explanation

from judged
where expected_pct >= $expected_pct
    and rise_pct < $rise_share * expected_pct
