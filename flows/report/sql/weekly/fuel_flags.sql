-- Flags on purchases, by rule: those of the week's purchases, what became of them, and what was settled in the week.
-- A flag is of the week in which the fuel was bought, whenever it was raised.

with

flags as (

    select
        rule_id,
        count(*) filter (is_new) as new_count,
        count(*) filter (is_new and state = 'open') as new_open_count,
        count(*) filter (state <> 'open' and reviewed_utc::date between $first::date and $first::date + 6)
            as settled_count,
        count(*) filter (state = 'open') as open_count,
        sum(cost) filter (state = 'open')::double as open_cost,
        case when count(distinct currency) <= 1 then max(currency) end as currency

    from (

        select
            *,
            service_date between $first::date and $first::date + 6 as is_new

        from marts.fuel_exceptions
        where tenant_id = $tenant_id
            and severity <> 'info'
            and service_date between $first::date - 84 and $first::date + 6

    )
    group by rule_id

)

select
    rule_id,
    coalesce(rules.title, rule_id) as title,
    new_count,
    new_open_count,
    settled_count,
    open_count,
    open_cost,
    currency

from flags
left join marts.fuel_rules as rules using (rule_id)

where new_count + settled_count + open_count > 0
order by open_cost desc nulls last, new_count desc, rule_id
