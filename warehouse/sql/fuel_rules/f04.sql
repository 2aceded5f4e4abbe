-- F4, vehicle not at station: the van was heard near the time, and not near the site. F5 says it where another was.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {
        'nearest_15_m': round(nearest_15_m, 0),
        'nearest_60_m': round(nearest_60_m, 0),
        'nearest_offset_s': nearest_offset_s,
        'fix_count_15': fix_count_15,
        'fix_count_60': fix_count_60,
        'at_utc': at_utc,
        'geo_quality': geo_quality,
        'site_source': site_source
    } as evidence,
    printf(
        'In the 15 min around %s %s was never within %s of %s; within the hour its nearest position was %s away.',
        clock, van, fuel_distance($match_m, is_us), site_words, fuel_distance(nearest_60_m, is_us)
    ) as explanation

from fuel_cases
where is_placed
    and is_lead
    and not is_duplicate
    and vehicle_id is not null
    and match_state = 'mismatch'
    and time_shift_h is null
    and near_utc is not null
    and geo_quality is distinct from 'city'
    and fewest_fixes_15 > 0
    and nearest_15_m > $match_m
    and nearest_60_m > $probable_m
