-- Flags on the purchases of the month by rule, and what became of them; those that later data withdrew are only counted.

with

withdrawn as (

    select rule_id, count(*) as withdrawn_count
    from (
        select rule_id, change, service_date
        from core.fuel_flag_history
        join marts.fuel_purchases using (tenant_id, provider, provider_txn_id, item_no)
        where tenant_id = $tenant_id and change != 'reviewed' and severity != 'info'
        qualify row_number() over (
            partition by provider, provider_txn_id, item_no, rule_id order by changed_utc desc
        ) = 1
    )
    where change = 'closed' and service_date between $first::date and $last::date
    group by rule_id

),

raised as (

    select
        rule_id,
        min_by(severity, list_position(['high', 'medium', 'low', 'info'], severity)) as severity,
        count(*) as flag_count,
        count(*) filter (state = 'open') as open_count,
        count(*) filter (state = 'explained') as explained_count,
        count(*) filter (state = 'dismissed') as dismissed_count,
        count(*) filter (state = 'confirmed') as confirmed_count,
        (sum(cost) filter (state in ('open', 'confirmed')))::double as cost,
        max(currency) as currency
    from marts.fuel_exceptions
    where tenant_id = $tenant_id
        and service_date between $first::date and $last::date
        and severity != 'info'
    group by rule_id

)

select
    rule_id,
    coalesce(rules.title, rule_id) as title,
    coalesce(raised.severity, rules.severity, '') as severity,
    coalesce(flag_count, 0) as flag_count,
    coalesce(open_count, 0) as open_count,
    coalesce(explained_count, 0) as explained_count,
    coalesce(dismissed_count, 0) as dismissed_count,
    coalesce(confirmed_count, 0) as confirmed_count,
    coalesce(withdrawn_count, 0) as withdrawn_count,
    cost,
    currency

from raised
full join withdrawn using (rule_id)
left join marts.fuel_rules as rules using (rule_id)

order by flag_count desc, cost desc nulls last, rule_id
