-- How many positions the lake holds of each device and UTC date that new rows are of, from `date_quarters`.
--
-- Where the rows of a quarter of an hour are of as many different seconds, none repeats another and they need only be
-- counted. The keys of the other quarters, those of staging/ranked_positions.sql, are told apart one by one, at four times
-- the cost.

with

in_question as (

    select tenant_id, device_id, fix_date, quarter
    from date_quarters
    where position_count != second_count

),

positions as (

    select tenant_id, device_id, fix_date, bool_and(coalesce(backlog, false)) as is_backlog
    from staging.read_positions
    where fix_date in (select distinct fix_date from in_question)
        and device_id in (select distinct device_id from in_question)
        and (tenant_id, device_id, fix_date, fix_ms // 900000) in (from in_question)
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
    from date_quarters
    where position_count = second_count
    union all
    select tenant_id, device_id, fix_date, count(*), count(*) filter (is_backlog)
    from positions
    group by all
)
group by all
