-- F21, burst of declines: a card declined three times within a day. Said of the decline that makes it so.

with

declines as (

    select
        *,
        count(*) over day as decline_count,
        first_value(near_utc) over day as first_utc,
        list_sort(list(line) over day) as lines
    from fuel_cases
    where line_kind = 'decline' and card_id is not null and near_utc is not null
    window day as (
        partition by tenant_id, card_id
        order by near_utc
        range between to_seconds($within_s) preceding and current row
    )

),

bursts as (

    select
        *,
        lag(decline_count, 1, 0) over (
            partition by tenant_id, card_id order by near_utc, line
        ) as count_before,
        row_number() over (partition by tenant_id, card_id, near_utc order by line) as place
    from declines

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    lines,
    {'decline_count': decline_count, 'first_utc': first_utc, 'last_utc': near_utc, 'lines': lines} as evidence,
    printf(
        'Card %s was declined %d times within %s, last at %s.',
        coalesce('ending in ' || card_last4, card_id), decline_count, fuel_span(epoch(near_utc - first_utc)), clock
    ) as explanation

from bursts
where decline_count >= $decline_count
    and count_before < $decline_count
    and place = 1
