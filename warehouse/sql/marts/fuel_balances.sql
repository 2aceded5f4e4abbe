-- marts.fuel_balances: what cards bought, counters burnt and tanks kept over 14 dates up to each date with a fill (F20).

with

bought as (

    -- Nothing changed of the vans of same_vans.
    select tenant_id, vehicle_id, service_date, card_l
    from marts.card_days
    anti join same_vans using (tenant_id, vehicle_id)

),

dates as (

    select
        days.tenant_id,
        days.vehicle_id,
        days.service_date,
        days.distance_m,
        days.fuel_used_l,
        case when days.fuel_used_l is not null then days.fuel_distance_m end as counted_m,
        days.level_first_pct,
        days.level_last_pct
    from core.vehicle_dates as days

),

windows as (

    -- Only windows of which the van was there from the beginning.
    select
        bought.tenant_id,
        bought.vehicle_id,
        bought.service_date as to_date,
        bought.service_date - 13 as from_date,
        vehicles.tank_l
    from bought
    left join staging.vehicle_ranges as vehicles
        on vehicles.tenant_id = bought.tenant_id
        and vehicles.vehicle_id = bought.vehicle_id
        and bought.service_date >= vehicles.from_date
        and bought.service_date < vehicles.to_date
    where exists (
        from dates
        where dates.tenant_id = bought.tenant_id
            and dates.vehicle_id = bought.vehicle_id
            and dates.service_date <= bought.service_date - 13
    )

),

paid as (

    select windows.tenant_id, windows.vehicle_id, windows.to_date, sum(bought.card_l order by bought.service_date) as card_l
    from windows
    join bought
        on bought.tenant_id = windows.tenant_id
        and bought.vehicle_id = windows.vehicle_id
        and bought.service_date between windows.from_date and windows.to_date
    group by all

),

burnt as (

    select
        windows.tenant_id,
        windows.vehicle_id,
        windows.to_date,
        sum(dates.fuel_used_l order by dates.service_date) as counter_l,
        sum(dates.counted_m order by dates.service_date) as counted_m,
        sum(dates.distance_m order by dates.service_date) as distance_m,
        first(dates.level_first_pct order by dates.service_date) filter (dates.level_first_pct is not null) as before_pct,
        first(dates.level_last_pct order by dates.service_date desc)
            filter (dates.level_last_pct is not null) as after_pct
    from windows
    join dates
        on dates.tenant_id = windows.tenant_id
        and dates.vehicle_id = windows.vehicle_id
        and dates.service_date between windows.from_date and windows.to_date
    group by all

)

select
    windows.tenant_id,
    windows.vehicle_id,
    windows.from_date,
    windows.to_date,
    paid.card_l,
    burnt.counter_l,
    (burnt.after_pct - burnt.before_pct) / 100 * windows.tank_l as level_change_l,
    paid.card_l - burnt.counter_l - level_change_l as gap_l,
    gap_l / nullif(paid.card_l, 0) as gap_share,
    coalesce(burnt.counted_m, 0) / nullif(burnt.distance_m, 0) as coverage

from windows
join paid using (tenant_id, vehicle_id, to_date)
left join burnt using (tenant_id, vehicle_id, to_date)
