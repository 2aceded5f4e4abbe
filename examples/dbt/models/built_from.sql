-- The generation these tables were built from.
select generation_id, published_utc from {{ source('core', 'generation') }}
