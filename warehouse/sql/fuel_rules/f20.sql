-- F20, volume against consumption: in 14 days more was bought than burned and kept in the tank. Said of a fill that ends
-- such a window, and not again within the next 14 days.

with recursive

first_days as (

    select tenant_id, vehicle_id, min(service_date) as first_date
    from core.vehicle_dates
    group by all

),

found as (

    select cases.tenant_id, cases.line, balances.* exclude (tenant_id)
    from marts.fuel_balances as balances
    join first_days using (tenant_id, vehicle_id)
    join fuel_cases as cases
        on cases.tenant_id = balances.tenant_id
        and cases.vehicle_id = balances.vehicle_id
        and cases.service_date = balances.to_date
    where cases.is_fill
        and first_days.first_date <= balances.from_date
        and balances.to_date - balances.from_date >= $window_days - 1
        and balances.level_change_l is not null
        and balances.gap_l > $gap_l
        and balances.gap_share > $gap_share
        and balances.coverage >= $coverage
    qualify row_number() over (
        partition by cases.tenant_id, cases.vehicle_id, cases.service_date order by cases.at_utc desc nulls last, cases.line desc
    ) = 1

),

said as (

    select tenant_id, vehicle_id, min(to_date) as to_date
    from found
    group by all

    union all

    select said.tenant_id, said.vehicle_id, min(found.to_date)
    from said
    join found using (tenant_id, vehicle_id)
    where found.to_date >= said.to_date + $window_days::integer
    group by said.tenant_id, said.vehicle_id, said.to_date

)

select
    cases.tenant_id,
    cases.provider,
    cases.provider_txn_id,
    cases.item_no,
    cases.vehicle_id,
    (gap_l * price_per_l)::decimal(18, 6) as cost,
    {
        'from_date': found.from_date,
        'to_date': found.to_date,
        'card_l': round(card_l, 1),
        'counter_l': round(counter_l, 1),
        'level_change_l': round(level_change_l, 1),
        'gap_l': round(gap_l, 1),
        'gap_share': round(gap_share, 3),
        'coverage': round(found.coverage, 3)
    } as evidence,
    printf(
        'From %s to %s %s was bought for %s, which burned %s; with the change of its tank %s are not accounted for.',
        found.from_date::varchar, found.to_date::varchar, fuel_volume(card_l, is_us), van, fuel_volume(counter_l, is_us),
        fuel_volume(gap_l, is_us)
    ) as explanation

from said
join found using (tenant_id, vehicle_id, to_date)
join fuel_cases as cases on cases.tenant_id = found.tenant_id and cases.line = found.line
