-- F17, far from route: the station is far from every position of the van that day.

select
    cases.tenant_id,
    provider,
    provider_txn_id,
    item_no,
    cases.vehicle_id,
    amount as cost,
    {
        'day_nearest_m': round(day_nearest_m, 0),
        'day_fix_count': day_fix_count,
        'coverage': round(days.coverage, 3),
        'geo_quality': geo_quality,
        'site_source': site_source
    } as evidence,
    printf(
        'On %s %s was never nearer than %s to %s.',
        cases.service_date::varchar, van, fuel_distance(day_nearest_m, is_us), site_words
    ) as explanation

from fuel_cases as cases
join marts.vehicle_days as days using (tenant_id, vehicle_id, service_date)
where is_placed
    and is_lead
    and not is_duplicate
    and day_nearest_m > $far_m
    and day_fix_count >= $fix_count
    and days.coverage >= $coverage
    and geo_quality is distinct from 'city'
    and time_shift_h is null
    and (ts_quality = 'date_only' or (match_state = 'mismatch' and fewest_fixes_15 > 0))
