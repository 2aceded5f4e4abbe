-- The money a tenant counts in: as the tenants' file says, else as their prices do.

select coalesce(
    (select any_value(currency) from core.tenants_on($last::date) where tenant_id = $tenant_id),
    (
        select max(currency)
        from marts.fleet_days
        where tenant_id = $tenant_id and service_date between $first::date and $last::date
    )
) as currency
