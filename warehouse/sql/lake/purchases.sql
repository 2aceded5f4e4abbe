-- lake.purchases: one row per version of a line of a fuel-card transaction, repeats removed.

create or replace view lake.purchases as
select
    * exclude (purchased_us, received_us, received_date, spool_id, segment_no),
    make_timestamp(purchased_us) as ts_utc,
    make_timestamp(received_us) as received_utc,
    spool_id || '/' || segment_no as segment
from staging.read_purchases
qualify row_number() over (
    partition by tenant_id, provider, provider_txn_id, item_no, event_type, seq, payload_hash
    order by received_us, spool_id, segment_no
) = 1
