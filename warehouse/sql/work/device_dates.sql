-- How many positions the lake holds of each device and UTC date that new rows are of. All rows of those dates are counted,
-- because a repeat of an earlier one is new as well. The key is that of staging/ranked_positions.sql.

with

touched as (

    select distinct tenant_id, device_id, fix_date from unseen_positions

)

select
    tenant_id,
    device_id,
    fix_date,
    count(*) as position_count,
    count(*) filter (is_backlog) as backlog_count

from (
    select tenant_id, device_id, fix_date, bool_and(coalesce(backlog, false)) as is_backlog
    from staging.read_positions
    where fix_date in (select distinct fix_date from touched) and (tenant_id, device_id, fix_date) in (from touched)
    group by tenant_id, device_id, fix_date, fix_ms, boot, seq
)
group by all
