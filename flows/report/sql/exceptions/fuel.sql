-- Open flags of weight on purchases, of dates from $since on, and older ones that were raised since: card data comes days
-- after the purchase, and late positions raise flags of their own. Older than $most_days a flag is not news, nor is one
-- of a date that was itself measured only now: that is history being loaded.

with

raised as (

    -- When it was first of weight; its history is the only record of that.
    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        rule_id,
        min(changed_utc) as raised_utc
    from core.fuel_flag_history
    where tenant_id = $tenant_id and severity in ('high', 'medium') and change not in ('closed', 'reviewed')
    group by all

),

measured as (

    select service_date, min(revised_utc) as first_measured_utc
    from core.revisions
    where tenant_id = $tenant_id
    group by service_date

)

select
    'fuel:' || provider || '/' || provider_txn_id || '/' || item_no || '/' || rule_id as exception_id,
    'fuel' as kind,
    flags.severity,
    coalesce(flags.service_date, purchases.posted_date) as service_date,
    case when purchases.ts_quality is distinct from 'date_only' then flags.purchase_utc end as started_utc,
    purchases.zone as timezone,
    coalesce(flags.vehicle_id, purchases.vehicle_id, purchases.vehicle_ref) as vehicle_id,
    rule_id as rule,
    coalesce(rules.title, rule_id) as title,
    flags.explanation as evidence,
    nullif(concat_ws(', ', purchases.site_name, purchases.city, purchases.state), '') as place,
    coalesce(flags.cost, purchases.net)::double as cost,
    purchases.net::double as amount,
    coalesce(flags.currency, purchases.currency) as currency,
    purchases.quantity_l::double as quantity_l

from marts.fuel_exceptions as flags
left join marts.fuel_purchases as purchases using (tenant_id, provider, provider_txn_id, item_no)
left join marts.fuel_rules as rules using (rule_id)
left join raised using (tenant_id, provider, provider_txn_id, item_no, rule_id)
left join measured on measured.service_date = coalesce(flags.service_date, purchases.posted_date)

where tenant_id = $tenant_id
    and flags.state = 'open'
    and flags.severity in ('high', 'medium')
    and coalesce(flags.service_date, purchases.posted_date, raised_utc::date) >= $since::date - $most_days::integer
    and coalesce(coalesce(flags.service_date, purchases.posted_date, raised_utc::date) <= $until::date, true)
    and (
        coalesce(flags.service_date, purchases.posted_date, raised_utc::date) >= $since::date
        or (
            raised_utc::date between $since::date and coalesce($until::date, date 'infinity')
            and coalesce(first_measured_utc::date < $since::date, true)
        )
    )

order by exception_id
