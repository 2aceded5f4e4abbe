-- lake.purchases: one row per version of a line of a fuel-card transaction, repeats removed.
--
-- A repeat says the same, wherever it was found: a file imported again, or another file that overlaps, holds lines of
-- other files and rows with the same content. Which of them is shown decides nothing. Rows of an older lake have no
-- hash of their content; their payloads stand for it.

create or replace view lake.purchases as
select
    * exclude (purchased_us, received_us, received_date, spool_id, segment_no, content_hash),
    coalesce(content_hash, payload_hash) as content_hash,
    make_timestamp(purchased_us) as ts_utc,
    make_timestamp(received_us) as received_utc,
    spool_id || '/' || segment_no as segment
from staging.read_purchases
qualify row_number() over (
    partition by
        tenant_id, provider, provider_txn_id, item_no, event_type, seq, coalesce(content_hash, payload_hash)
    order by source_file, source_row, payload_hash, received_us, spool_id, segment_no
) = 1
