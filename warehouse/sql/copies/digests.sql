-- One digest per tenant over all their parts; that of no tenant is over shared tables.

select
    tenant_id,
    md5(string_agg(
        concat_ws('/', table_name, coalesce(service_date::varchar, '-'), row_count, digest), ' '
        order by table_name, service_date
    )) as digest
from temp.parts
group by tenant_id
