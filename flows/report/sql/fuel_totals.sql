-- What was bought that day, how much of it was compared with positions, and flags of the month before still open.

select
    count(*) as purchase_count,
    count(*) filter (match_state <> 'unverifiable') as verified_count,
    coalesce(sum(quantity_l), 0)::double as quantity_l,
    sum(net)::double as net,
    any_value(currency) as currency,
    (
        select count(*)
        from marts.fuel_exceptions
        where tenant_id = $tenant_id
            and service_date between $service_date::date - 28 and $service_date::date - 1
            and state = 'open'
            and severity <> 'info'
    ) as earlier_open_count,
    (
        select count(*)
        from marts.fuel_exceptions
        where tenant_id = $tenant_id and service_date = $service_date::date and severity = 'info'
    ) as note_count

from marts.fuel_purchases
where tenant_id = $tenant_id and service_date = $service_date::date
