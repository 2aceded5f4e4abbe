-- marts.dictionary: one row per schema, table, view, column and macro. A view over the comments of the file it is in.

with

schemas (schema_name, comment) as (

    values {schemas}

),

described as (

    select schema_name, null as name, null as column_name, 'schema' as kind, null as data_type, comment
    from schemas
    union all
    select schema_name, table_name, null, 'table', null, comment
    from duckdb_tables()
    union all
    select schema_name, view_name, null, 'view', null, comment
    from duckdb_views()
    union all
    select schema_name, table_name, column_name, 'column', data_type, comment
    from duckdb_columns()
    union all
    select schema_name, function_name, null, replace(function_type, '_', ' '), array_to_string(parameters, ', '), comment
    from duckdb_functions()
    where function_type in ('macro', 'table_macro')

)

select *
from described
where schema_name in (select schema_name from schemas) and comment is not null
