-- How many positions the lake holds of each device and UTC date that new rows are of. All rows of those dates are counted,
-- because a repeat of an earlier one is new as well. The key is that of staging/ranked_positions.sql.
--
-- Where the rows of a quarter of an hour are of as many different seconds, none repeats another and they need only be
-- counted. The keys of the other quarters are told apart one by one, at four times the cost.

with

touched as (

    select distinct tenant_id, device_id, fix_date from unseen_positions

),

rows_of_dates as (

    select *, fix_ms // 900000 as quarter
    from staging.read_positions
    where fix_date in (select distinct fix_date from touched) and (tenant_id, device_id, fix_date) in (from touched)

),

quarters as (

    select
        tenant_id,
        device_id,
        fix_date,
        quarter,
        count(*) as position_count,
        count(*) filter (backlog) as backlog_count,
        bit_count(bitstring_agg((fix_ms // 1000 % 900)::int, 0, 899)) as second_count
    from rows_of_dates
    group by all

),

positions as (

    select tenant_id, device_id, fix_date, bool_and(coalesce(backlog, false)) as is_backlog
    from rows_of_dates
    where (tenant_id, device_id, quarter) in (
        select (tenant_id, device_id, quarter) from quarters where position_count != second_count
    )
    group by tenant_id, device_id, fix_date, fix_ms, boot, seq

)

select
    tenant_id,
    device_id,
    fix_date,
    sum(position_count)::bigint as position_count,
    sum(backlog_count)::bigint as backlog_count

from (
    select tenant_id, device_id, fix_date, position_count, backlog_count
    from quarters
    where position_count = second_count
    union all
    select tenant_id, device_id, fix_date, count(*), count(*) filter (is_backlog)
    from positions
    group by all
)
group by all
