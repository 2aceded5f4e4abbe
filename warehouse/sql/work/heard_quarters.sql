-- New rows of the lake as few rows that belong to the same vehicle-dates: those of a device within a quarter of an hour
-- of one local date have one answer, unless a border (`work/borders.sql`) lies among them; such rows stay as they are.
-- Zones differ from UTC by whole quarters of an hour, so a local date never begins within one.

create or replace temp table heard_quarters as

with

quarters as (

    select
        tenant_id,
        device_id,
        spool_id,
        epoch_us(at_utc) // 900000000 as quarter,
        min(at_utc) as first_utc,
        max(at_utc) as last_utc,
        min(segment_no) as first_segment_no,
        max(segment_no) as last_segment_no
    from new_positions
    group by all

),

crossed as (

    select distinct tenant_id, device_id, quarter
    from quarters
    join ({borders}) as borders using (tenant_id, device_id)
    where borders.at_utc > first_utc and borders.at_utc <= last_utc

)

select tenant_id, device_id, spool_id, first_utc as at_utc, unnest([first_segment_no, last_segment_no]) as segment_no
from quarters
anti join crossed using (tenant_id, device_id, quarter)
union all
select tenant_id, device_id, spool_id, at_utc, segment_no
from (select *, epoch_us(at_utc) // 900000000 as quarter from new_positions) as positions
semi join crossed using (tenant_id, device_id, quarter)
