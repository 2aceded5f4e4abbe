-- F13, consumption outlier: distance per volume of an interval against the good intervals of the van before it.

with

good as (

    select
        *,
        list(mpg) over (
            partition by tenant_id, vehicle_id
            order by to_utc, provider, provider_txn_id, item_no
            rows between 20 preceding and 1 preceding
        ) as earlier
    from marts.fuel_intervals
    where mpg > 0 and len(quality_flags) = 0

),

centred as (

    select
        *,
        list_median(earlier) as median,
        list_median(list_transform(earlier, lambda one: abs(one - list_median(earlier)))) as deviation
    from good
    where len(earlier) >= $interval_count

),

scored as (

    select
        *,
        (mpg - median) / greatest(1.4826 * deviation, $sigma_share * median) as z
    from centred

)

select
    scored.tenant_id,
    scored.provider,
    scored.provider_txn_id,
    scored.item_no,
    scored.vehicle_id,
    case
        when mpg < median
        then ((1 - mpg / median) * scored.litres * cases.price_per_l)::decimal(18, 6)
    end as cost,
    {
        'mpg': round(mpg, 2),
        'l_per_100km': round(l_per_100km, 2),
        'median_mpg': round(median, 2),
        'mad_mpg': round(deviation, 3),
        'z': round(z, 2),
        'earlier_count': len(earlier),
        'litres': round(scored.litres, 3),
        'distance_m': round(distance_m, 0),
        'distance_source': distance_source,
        'from_utc': scored.from_utc
    } as evidence,
    printf(
        '%s since the fill before; the last %d intervals of %s have a median of %s.',
        fuel_economy(mpg, is_us), len(earlier), van, fuel_economy(median, is_us)
    ) as explanation

from scored
join fuel_cases as cases using (tenant_id, provider, provider_txn_id, item_no)
where abs(z) >= $z
    and not is_duplicate
