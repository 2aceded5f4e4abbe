-- One row per table of a tenant's copy that differs from the copy for all, with the service dates that do: parts that
-- are new or other there, and parts that are no longer there.

select
    table_name,
    list(distinct service_date order by service_date)
        || case when bool_or(service_date is null) then [null] else [] end as days
from (
    select table_name, service_date
    from (
        (from (from temp.parts where tenant_id = $tenant or tenant_id is null) except from copy.staging.copied_parts)
        union
        (from copy.staging.copied_parts except from (from temp.parts where tenant_id = $tenant or tenant_id is null))
    )
)
group by table_name
order by table_name
