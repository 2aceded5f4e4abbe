-- Which raw messages of the spool's `due_segments` stand behind a held vehicle-date, or a purchase of a held driver.

create or replace temp table held_messages as

with

devices as (

    select distinct tenant_id, vehicle_id as device_id from held
    union
    select tenant_id, substr(vehicle_id, 8) from held where vehicle_id like 'device:%'
    union
    select tenant_id, device_id from staging.device_spans semi join held using (tenant_id, vehicle_id)

),

read as (

    select tenant_id, device_id, at_utc, spool_id, segment_no, payload_hash from staging.timed_positions
    union all
    select tenant_id, device_id, at_utc, spool_id, segment_no, payload_hash from staging.timed_events
    union all
    select tenant_id, device_id, at_utc, spool_id, segment_no, payload_hash from staging.timed_rejects

),

chosen as (

    from read
    semi join devices using (tenant_id, device_id)
    semi join due_segments using (spool_id, segment_no)

),

dated as (

    select tenant_id, vehicle_id, service_date, spool_id, segment_no, payload_hash
    from ({resolved})
    union all
    select tenant_id, vehicle_id, service_date, spool_id, segment_no, payload_hash
    from staging.read_plans
    semi join due_segments using (spool_id, segment_no)
    union all
    select tenant_id, lines.vehicle_id, lines.service_date, spool_id, segment_no, read.payload_hash
    from staging.read_purchases as read
    join core.fuel_lines as lines using (tenant_id, provider, provider_txn_id, item_no)
    semi join due_segments using (spool_id, segment_no)

)

select distinct spool_id, segment_no, payload_hash
from dated
join held using (tenant_id, vehicle_id)
where service_date between from_date and to_date

union

-- A purchase of a held driver may name no van.
select spool_id, segment_no, read.payload_hash
from staging.read_purchases as read
join core.fuel_lines as lines using (tenant_id, provider, provider_txn_id, item_no)
semi join due_segments using (spool_id, segment_no)
join core.holds as holds
    on holds.released_utc is null
    and holds.kind = 'driver'
    and holds.tenant_id = lines.tenant_id
    and holds.subject_id = coalesce(lines.driver_id, lines.driver_ref)
where (lines.service_date >= coalesce(holds.from_date, lines.service_date)
    and lines.service_date <= coalesce(holds.to_date, lines.service_date))
    or lines.service_date is null
