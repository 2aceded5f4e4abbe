-- A digest for each van of all that marts.fuel_intervals and marts.fuel_balances read of it. Of the ledger it has the
-- revisions: a rebuild that makes another ledger leaves one.

with

parts as (

    select tenant_id, vehicle_id, hash('line', part) as digest
    from core.fuel_lines as part
    where vehicle_id is not null
    union all
    select lines.tenant_id, lines.vehicle_id, hash('purchase', part)
    from core.fuel_lines as lines
    join marts.fuel_purchases as part using (tenant_id, provider, provider_txn_id, item_no)
    where lines.vehicle_id is not null
    union all
    select tenant_id, vehicle_id, hash('card', part) from marts.card_days as part
    union all
    select tenant_id, vehicle_id, hash('refuel', part) from marts.refuels as part
    union all
    select tenant_id, vehicle_id, hash('date', part) from core.vehicle_dates as part
    union all
    -- How well a date is known; the rest of a day, such as its windows, may change with no interval of it.
    select tenant_id, vehicle_id, hash('day', service_date, drive_s, idle_s, off_s, ready_s, parked_s, unknown_s)
    from marts.vehicle_days
    union all
    select tenant_id, vehicle_id, hash('range', part) from staging.vehicle_ranges as part
    union all
    select tenant_id, vehicle_id, hash('revision', service_date, revision, revised_utc) from core.revisions

)

select tenant_id, vehicle_id, hash($made_by, tenant_id, vehicle_id, count(*), sum(digest)) as digest
from parts
group by tenant_id, vehicle_id
