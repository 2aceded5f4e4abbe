-- F5, other van at station: where F4 finds that the van of the card was elsewhere, one of the fleet was at the pump.

with

others as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        list({'vehicle_id': vehicle_id, 'distance_m': distance_m} order by distance_m, vehicle_id) as vans
    from (
        select tenant_id, provider, provider_txn_id, item_no, vehicle_id, round(min(nearest_10_m), 0) as distance_m
        from core.fuel_presence
        where not is_assigned and nearest_10_m <= $near_m
        group by all
    )
    group by all

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {
        'other_vehicles': others.vans,
        'nearest_15_m': round(nearest_15_m, 0),
        'nearest_60_m': round(nearest_60_m, 0),
        'fix_count_15': fix_count_15,
        'at_utc': at_utc
    } as evidence,
    printf(
        'Van %s was within %s of %s in the 10 min around %s; %s, whose purchase it is, was %s away at its nearest.',
        others.vans[1].vehicle_id, fuel_distance($near_m, is_us), site_words, clock, van,
        fuel_distance(nearest_60_m, is_us)
    ) as explanation

from fuel_cases
join others using (tenant_id, provider, provider_txn_id, item_no)
semi join (from fuel_found where rule_id = 'F4') as absent using (tenant_id, provider, provider_txn_id, item_no)
