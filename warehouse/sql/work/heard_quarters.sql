-- New rows of the lake as few rows that belong to the same vehicle-dates: those of a device within a quarter of an hour
-- of one local date have one answer, unless a border (`work/borders.sql`) lies among them; there they have one from border
-- to border. Zones differ from UTC by whole quarters of an hour, so a local date never begins within one.

create or replace temp table heard_quarters as

with

borders as materialized (

    {borders}

),

quarters as (

    select
        tenant_id,
        device_id,
        spool_id,
        quarter,
        make_timestamp(first_ms * 1000) as first_utc,
        make_timestamp(last_ms * 1000) as last_utc,
        first_segment_no,
        last_segment_no
    from new_quarters
    where is_whole

),

crossed as (

    select distinct tenant_id, device_id, quarter
    from quarters
    join borders using (tenant_id, device_id)
    where borders.at_utc > first_utc and borders.at_utc <= last_utc

),

between_borders as (

    select
        positions.tenant_id,
        positions.device_id,
        spool_id,
        min(positions.at_utc) as at_utc,
        min(segment_no) as first_segment_no,
        max(segment_no) as last_segment_no
    from (
        select *, epoch_us(at_utc) // 900000000 as quarter
        from new_positions
        where (tenant_id, device_id, quarter) in (from crossed)
    ) as positions
    asof left join borders
        on borders.tenant_id = positions.tenant_id
        and borders.device_id = positions.device_id
        and positions.at_utc >= borders.at_utc
    group by positions.tenant_id, positions.device_id, spool_id, quarter, borders.at_utc

)

select tenant_id, device_id, spool_id, at_utc, unnest([first_segment_no, last_segment_no]) as segment_no
from (
    select * exclude (quarter, first_utc, last_utc), first_utc as at_utc
    from quarters
    anti join crossed using (tenant_id, device_id, quarter)
    union all by name
    from between_borders
)
