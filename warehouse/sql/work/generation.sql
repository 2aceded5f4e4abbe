-- The row that says which generation a copy is, and what it was made from.

insert into core.generation
select
    $generation as generation_id,
    now()::timestamp as published_utc,
    $code_version as code_version,
    (select any_value(digest) from core.schema_stamp) as schema_digest,
    (select max(load_id) from core.loads) as newest_load_id
