-- fuel_versions: the current version of every line of a fuel-card transaction, and what its versions say together.
--
-- Versions are ordered by the provider's sequence where it has one, else by what they are (authorised, reversed or
-- declined, cleared, posted, adjusted), then by posting date, then by content hash; when they arrived decides nothing.
--
-- An adjustment says only what it changes. One with a quantity corrects the purchase. One without, or with a negative
-- one, or one that refers to another record, changes money alone: a credit is added to what was paid, a positive
-- amount takes its place. One that takes back the whole quantity reverses the purchase. Where no authorisation,
-- clearing or posting of the line was ever heard, an adjustment amends something we do not know.

create or replace temp table fuel_versions as

with

station_changes as (

    select list(distinct day order by day) as days
    from (select unnest([valid_from, valid_to]) as day from core.stations)
    where day is not null

),

numbered as (

    select
        *,
        row_number() over (
            line order by try_cast(seq as hugeint) nulls first, stage, posted_date nulls first, content_hash
        ) as version_no,
        -- Two versions that nothing orders: which of them is the correction nobody knows.
        count(*) over (
            partition by tenant_id, provider, provider_txn_id, item_no, try_cast(seq as hugeint), stage, posted_date
        ) > 1 as is_tied
    from (
        select
            *,
            case event_type
                when 'auth' then 1 when 'auth_reversal' then 2 when 'decline' then 2
                when 'clear' then 3 when 'post' then 4 else 5
            end as stage
        from lake.purchases
    )
    window line as (partition by tenant_id, provider, provider_txn_id, item_no)

),

told as (

    select
        *,
        event_type in ('clear', 'post')
        or event_type = 'adjust'
        and coalesce(quantity, 0) > 0
        and coalesce(
            extra ->> 'refers_to', extra ->> 'original_txn_id', extra ->> 'original_transaction_id',
            extra ->> 'reference_txn_id', extra ->> 'ref_txn_id', extra ->> 'parent_txn_id', extra ->> 'adjusts'
        ) is null as is_record,
        event_type = 'adjust' and not is_record as is_amendment,
        is_amendment and coalesce(net, gross, 0) < 0 as is_credit
    from numbered

),

lines as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        count(*)::integer as version_count,
        min_by(event_type, version_no) as first_event_type,
        max_by(event_type, version_no) as last_event_type,
        max_by(is_tied and event_type != 'adjust', version_no) as is_order_unknown,
        bool_or(event_type = 'auth') as has_auth,
        bool_or(event_type = 'decline') as has_decline,
        bool_or(event_type in ('auth', 'clear', 'post')) as has_purchase,
        max(version_no) filter (is_record) as record_no,
        max_by(quantity, version_no) filter (is_record) as record_quantity,
        -sum(quantity) filter (is_amendment and quantity < 0) as returned_quantity
    from told
    group by all

),

-- The line as its adjustments leave it; of each value the last one that a record told.
adjusted as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        max_by(event_type, version_no) as event_type,
        max_by(seq, version_no) as seq,
        max_by(posted_date, version_no) as posted_date,
        max_by(payload_hash, version_no) as payload_hash,
        max_by(content_hash, version_no) as content_hash,
        max_by(
            columns(lambda name: name not in (
                'tenant_id', 'provider', 'provider_txn_id', 'item_no', 'event_type', 'seq', 'posted_date',
                'payload_hash', 'content_hash', 'stage', 'is_tied', 'gross', 'discount', 'tax', 'exempt_tax', 'fees',
                'net', 'version_no', 'is_record', 'is_amendment', 'is_credit', 'received_utc', 'segment',
                'version_count', 'first_event_type', 'last_event_type', 'is_order_unknown', 'has_auth', 'has_decline', 'has_purchase', 'record_no',
                'record_quantity', 'returned_quantity'
            )),
            version_no
        ) filter (is_record or record_no is null and event_type = 'auth'),
        max_by(
            columns(['gross', 'discount', 'tax', 'exempt_tax', 'fees', 'net']),
            version_no
        ) filter (is_record or is_amendment and coalesce(net, gross) > 0)
    from told
    join lines using (tenant_id, provider, provider_txn_id, item_no)
    where last_event_type = 'adjust' and has_purchase
    group by tenant_id, provider, provider_txn_id, item_no

),

credits as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        sum(columns(['gross', 'discount', 'tax', 'exempt_tax', 'fees', 'net']))
            filter (is_credit and version_no > coalesce(record_no, 0))
    from told
    join lines using (tenant_id, provider, provider_txn_id, item_no)
    where last_event_type = 'adjust' and has_purchase
    group by tenant_id, provider, provider_txn_id, item_no

),

current_version as (

    select * exclude (version_no, stage, is_tied, is_record, is_amendment, is_credit, received_utc, segment)
    from told
    qualify version_no = max(version_no) over (partition by tenant_id, provider, provider_txn_id, item_no)

),

current_lines as (

    select current_version.*
    from current_version
    join lines using (tenant_id, provider, provider_txn_id, item_no)
    where not (last_event_type = 'adjust' and has_purchase)

    union all by name

    select
        adjusted.* replace (
            coalesce(adjusted.gross + coalesce(credits.gross, 0), credits.gross) as gross,
            coalesce(adjusted.discount + coalesce(credits.discount, 0), credits.discount) as discount,
            coalesce(adjusted.tax + coalesce(credits.tax, 0), credits.tax) as tax,
            coalesce(adjusted.exempt_tax + coalesce(credits.exempt_tax, 0), credits.exempt_tax) as exempt_tax,
            coalesce(adjusted.fees + coalesce(credits.fees, 0), credits.fees) as fees,
            coalesce(adjusted.net + coalesce(credits.net, 0), credits.net) as net
        )
    from adjusted
    join credits using (tenant_id, provider, provider_txn_id, item_no)

)

select
    current_lines.*,
    lines.* exclude (tenant_id, provider, provider_txn_id, item_no),
    -- The last date up to that of the record on which anything in the list of stations changed; null: none before it.
    list_max(list_filter(
        changes.days,
        lambda day: day <= coalesce(
            try_cast(left(trim(ts_local), 10) as date), ts_utc::date, posted_date, date 'infinity'
        )
    )) as station_date,
    -- Records that describe a site in the same words are at the same site, as long as no station changes.
    md5((
        site_id, site_name, address, city, state, postcode, site_latitude, site_longitude, geo_quality, station_date
    )::varchar) as site_key
from current_lines
join lines using (tenant_id, provider, provider_txn_id, item_no)
cross join station_changes as changes
