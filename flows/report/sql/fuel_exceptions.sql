-- Fuel flags of the day with their purchase, gravest and dearest first; what was explained or dismissed is left out.

select
    exceptions.rule_id,
    exceptions.severity,
    exceptions.state,
    exceptions.explanation,
    coalesce(exceptions.vehicle_id, purchases.vehicle_id) as vehicle_id,
    purchases.vehicle_ref,
    purchases.ts_utc,
    purchases.ts_quality,
    purchases.site_name,
    purchases.city,
    purchases.quantity_l::double as quantity_l,
    purchases.net::double as net,
    purchases.currency,
    exceptions.provider || '/' || exceptions.provider_txn_id || '/' || exceptions.item_no as purchase_key

from marts.fuel_exceptions as exceptions
left join marts.fuel_purchases as purchases
    using (tenant_id, provider, provider_txn_id, item_no)

where exceptions.tenant_id = $tenant_id
    and exceptions.service_date = $service_date::date
    and exceptions.severity <> 'info'
    and exceptions.state not in ('explained', 'dismissed')

order by
    case exceptions.severity when 'high' then 0 when 'medium' then 1 else 2 end,
    purchases.net desc nulls last,
    purchase_key,
    exceptions.rule_id
