-- What new rows of the lake hold, in few rows: of each device, spool and quarter of an hour from when to when, and in which
-- segments. What is left of thinned dates stands apart.

create or replace temp table new_quarters as

select
    tenant_id,
    device_id,
    fix_date,
    spool_id,
    fix_ms // 900000 as quarter,
    flags is distinct from 'thinned' as is_whole,
    min(fix_ms) as first_ms,
    max(fix_ms) as last_ms,
    min(segment_no) as first_segment_no,
    max(segment_no) as last_segment_no,
    min(received_us) as first_received_us,
    max(received_us) as last_received_us,
    max(fix_ms) filter (not coalesce(backlog, false)) as newest_live_ms

from unseen_positions
group by all
