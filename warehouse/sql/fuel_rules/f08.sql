-- F8, two fills too close: within an hour of the fill before, or after a short drive. Said of the later one.

with

tickets as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        min(item_no) as item_no,
        arg_min(columns(* exclude (tenant_id, provider, provider_txn_id, item_no, quantity_l, amount)), item_no),
        sum(quantity_l) as quantity_l,
        sum(amount) as amount
    from (
        select
            tenant_id, provider, provider_txn_id, item_no, line, subject, vehicle_id, van, card_id, near_utc,
            at_utc, at_utc_alternative, zone, clock, site, site_words, quantity_l, amount, capacity_l, tank2_l,
            may_fill_canisters, odometer_m, is_us
        from fuel_cases
        where is_fill and near_utc is not null and subject is not null
    )
    group by all
    having sum(quantity_l) > $fill_l

),

pairs as (

    select
        *,
        lag(line) over earlier as before_line,
        lag(clock) over earlier as before_clock,
        lag(site) over earlier as before_site,
        lag(quantity_l) over earlier as before_l,
        lag(near_utc) over earlier as before_utc,
        lag(at_utc_alternative - at_utc) over earlier as before_doubled,
        lag(vehicle_id) over earlier as before_vehicle_id,
        lag(odometer_m) over earlier as before_odometer_m
    from tickets
    window earlier as (partition by tenant_id, subject order by near_utc, provider, provider_txn_id)

),

driven as (

    select
        pairs.*,
        -- Where either time is one of a doubled hour, the longest time there may be between them.
        epoch(near_utc - before_utc)
            + abs(coalesce(epoch(at_utc_alternative - at_utc), 0)) + abs(coalesce(epoch(before_doubled), 0)) as apart_s,
        case
            when odometer_m >= before_odometer_m then odometer_m - before_odometer_m
            when intervals.from_utc = before_utc
                and not list_has_any(intervals.quality_flags, ['missed_fill', 'low_coverage'])
            then intervals.distance_m
        end as apart_m,
        coalesce(before_site = site, false) and apart_s <= $one_stop_s as is_one_stop
    from pairs
    left join marts.fuel_intervals as intervals using (tenant_id, provider, provider_txn_id, item_no)
    where before_line is not null

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    [before_line, line] as lines,
    {
        'before': before_line,
        'before_utc': before_utc,
        'before_l': round(before_l, 3),
        'quantity_l': round(quantity_l, 3),
        'apart_s': apart_s,
        'driven_m': round(apart_m, 0)
    } as evidence,
    printf(
        '%s bought for %s %s after %s at %s%s.',
        fuel_volume(quantity_l, is_us), coalesce('van ' || vehicle_id, 'one card'), fuel_span(apart_s),
        fuel_volume(before_l, is_us), before_clock,
        if(apart_m is null, '', printf(', with %s driven between', fuel_distance(apart_m, is_us)))
    ) as explanation

from driven
where (apart_s < $apart_s or apart_m < $apart_m)
    and not (may_fill_canisters and is_one_stop)
    and not coalesce(
        tank2_l > 0 and is_one_stop and quantity_l + before_l <= $capacity_share * capacity_l, false
    )
