-- How fresh the data of a copy is. Views: what they say depends on when they are read.

-- marts.freshness: one row per tenant: how far its numbers reach, and how long ago anything was heard.
create or replace view marts.freshness as
with

heard as (

    select tenant_id, max(last_seen_utc) as newest_message_utc
    from core.devices
    group by all

),

measured as (

    select tenant_id, max(last_fix_utc) as newest_fix_utc
    from core.vehicle_dates
    group by all

),

bought as (

    select tenant_id, max(at_utc) as newest_purchase_utc
    from core.fuel_lines
    group by all

),

planned as (

    select tenant_id, max(service_date) as newest_plan_date
    from core.planned_routes
    group by all

),

zones as (

    select tenant_id, service_date, min(timezone) as timezone
    from core.vehicle_dates
    group by all

),

complete as (

    -- Over, built and not held back; late data may still change it.
    select tenant_id, max(service_date) as newest_complete_date
    from marts.fleet_days
    join zones using (tenant_id, service_date)
    anti join core.held_back using (tenant_id, service_date)
    where now()::timestamp >= core.ends_utc(service_date, timezone)
    group by all

),

held as (

    select tenant_id, count(distinct service_date) as held_back_dates
    from core.held_back
    group by all

),

rebuilt as (

    select tenant_id, max(rebuilt_utc) as rebuilt_utc
    from core.loads
    group by all

),

tenants as (

    select tenant_id from heard
    union
    select tenant_id from measured
    union
    select tenant_id from bought
    union
    select tenant_id from planned

)

select
    tenants.tenant_id,
    measured.newest_fix_utc,
    heard.newest_message_utc,
    bought.newest_purchase_utc,
    planned.newest_plan_date,
    complete.newest_complete_date,
    coalesce(held.held_back_dates, 0) as held_back_dates,
    rebuilt.rebuilt_utc,
    generation.published_utc,
    generation.generation_id,
    floor(epoch(now()::timestamp - heard.newest_message_utc) / 60)::bigint as lag_min,
    case
        when lag_min <= core.fresh_min() then 'fresh'
        when lag_min <= core.silent_min() then 'late'
        else 'silent'
    end as state

from tenants
left join core.generation as generation on true
left join heard using (tenant_id)
left join measured using (tenant_id)
left join bought using (tenant_id)
left join planned using (tenant_id)
left join complete using (tenant_id)
left join held using (tenant_id)
left join rebuilt using (tenant_id);

-- marts.source_freshness: one row per tenant and source: when each format of trackers, card provider and depot was heard
-- last.
create or replace view marts.source_freshness as
select
    *,
    floor(epoch(now()::timestamp - newest_utc) / 60)::bigint as lag_min,
    case
        when lag_min <= core.fresh_min() then 'fresh'
        when lag_min <= core.silent_min() then 'late'
        else 'silent'
    end as state
from (
    select tenant_id, 'positions' as kind, fix.source_format as source, max(last_seen_utc) as newest_utc
    from core.devices
    where fix is not null
    group by all
    union all
    select tenant_id, 'purchases', provider, max(at_utc) from core.fuel_lines group by all
    union all
    select tenant_id, 'plans', depot_id, max(issued_utc) from core.planned_routes group by all
);
