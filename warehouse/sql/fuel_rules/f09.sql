-- F9, split transaction: fills of one stop that together exceed the tank, or that each stay just below the limit of the
-- card. Said of the last one.

with

fills as (

    select
        *,
        coalesce(
            quantity_l between $limit_share * limit_l and 1.005 * limit_l
            or amount::double between $limit_share * limit_amount and 1.005 * limit_amount,
            false
        ) as is_below_limit
    from fuel_cases
    where is_fill
        and near_utc is not null
        and subject is not null
        and site is not null
        and quantity_l > 0
        and not may_fill_canisters

),

stops as (

    select
        last_one.tenant_id,
        last_one.line,
        last_one.subject,
        last_one.near_utc,
        list(earlier.line order by earlier.near_utc, earlier.line) as lines,
        min(earlier.near_utc) as first_utc,
        sum(earlier.quantity_l) as sum_l,
        max(earlier.quantity_l) as largest_l,
        sum(earlier.amount) as amount,
        count(distinct earlier.provider_txn_id) filter (earlier.is_below_limit) as below_limit_count
    from fills as last_one
    join fills as earlier
        on earlier.tenant_id = last_one.tenant_id
        and earlier.subject = last_one.subject
        and earlier.site = last_one.site
        and earlier.near_utc >= last_one.near_utc - to_seconds($one_stop_s)
        and (earlier.near_utc, earlier.line) <= (last_one.near_utc, last_one.line)
    group by all
    having count(*) >= 2

),

whole_stops as (

    select *
    from stops
    where not exists (
        from stops as longer
        where longer.tenant_id = stops.tenant_id
            and longer.subject = stops.subject
            and longer.line != stops.line
            and list_has_all(longer.lines, stops.lines)
    )

)

select
    fills.tenant_id,
    fills.provider,
    fills.provider_txn_id,
    fills.item_no,
    fills.vehicle_id,
    stops.amount as cost,
    stops.lines,
    {
        'lines': stops.lines,
        'sum_l': round(stops.sum_l, 3),
        'capacity_l': capacity_l,
        'within_s': epoch(stops.near_utc - stops.first_utc),
        'below_limit_count': below_limit_count,
        'limit_l': limit_l,
        'limit_amount': limit_amount
    } as evidence,
    case
        when sum_l > $capacity_share * capacity_l
        then printf(
            '%d fills at %s within %s add up to %s; the tank of %s holds %s.',
            len(stops.lines), site_words, fuel_span(epoch(stops.near_utc - stops.first_utc)),
            fuel_volume(sum_l, is_us), van, fuel_volume(capacity_l, is_us)
        )
        else printf(
            '%d fills at %s within %s each stay just below the limit of the card, %s.',
            below_limit_count, site_words, fuel_span(epoch(stops.near_utc - stops.first_utc)),
            coalesce(fuel_volume(limit_l, is_us), fuel_money(limit_amount, currency))
        )
    end as explanation

from whole_stops as stops
join fills using (tenant_id, line)
where (sum_l > $capacity_share * capacity_l and largest_l <= $capacity_share * capacity_l)
    or below_limit_count >= 2
