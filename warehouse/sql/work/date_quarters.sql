-- How many positions the lake holds of each quarter of an hour of the devices and UTC dates in `touched_dates`, and of how
-- many different seconds. All rows of those dates are counted, because a repeat of an earlier one is new as well.

create or replace temp table date_quarters as

select
    tenant_id,
    device_id,
    fix_date,
    fix_ms // 900000 as quarter,
    count(*) as position_count,
    count(*) filter (backlog) as backlog_count,
    bit_count(bitstring_agg((fix_ms // 1000 % 900)::int, 0, 899)) as second_count

from staging.read_positions
where fix_date in (select distinct fix_date from touched_dates)
    and (tenant_id, device_id, fix_date) in (from touched_dates)
group by all
