-- One row per part of the copy for all: table, tenant (null: shared) and service date (null: no date), and what is in it.
-- The sum of the hashes of its rows does not depend on their order.

create or replace temp table parts (
    table_name varchar not null,
    tenant_id varchar,
    service_date date,
    row_count bigint not null,
    digest hugeint not null
);
