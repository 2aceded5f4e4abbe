-- marts.unlisted: depots, drivers and vans that are spoken of and are in no list of the fleet on that date; cards and
-- devices too, where the tenant has a list of them. No error: what is said of them is kept and counts. A view.

create or replace view marts.unlisted as

with

mentions as (

    select tenant_id, 'depot' as kind, depot_id as id, service_date, 'plans' as mentioned_by from core.planned_routes
    union all
    select tenant_id, 'driver', driver_id, service_date, 'plans' from core.planned_routes
    union all
    select tenant_id, 'vehicle', vehicle_id, service_date, 'plans' from core.planned_routes
    union all
    select tenant_id, 'driver', driver_id, service_date, 'timeclock' from core.timeclock
    union all
    select tenant_id, 'vehicle', vehicle_id, service_date, 'deliveries' from core.deliveries
    union all
    select tenant_id, 'vehicle', vehicle_id, service_date, 'positions' from core.vehicle_dates
    union all
    -- An assignment says nothing of a date but its first.
    select tenant_id, kind, id, case when from_utc > timestamp '1970-01-01' then from_utc::date end, 'assignments'
    from core.assignments
    union all
    select
        tenant_id,
        'vehicle',
        vehicle_id,
        case when from_utc > timestamp '1970-01-01' then from_utc::date end,
        'assignments'
    from core.assignments
    union all
    select tenant_id, 'card', card_id, service_date, 'purchases' from core.fuel_lines
    union all
    select tenant_id, 'device', device_id, fix_date, 'positions' from core.device_dates

),

listed as (

    select tenant_id, 'depot' as kind, depot_id as id, from_date, to_date from staging.depot_ranges
    union all
    select tenant_id, 'driver', driver_id, from_date, to_date from staging.driver_ranges
    union all
    select tenant_id, 'vehicle', vehicle_id, from_date, to_date from staging.vehicle_ranges
    union all
    select tenant_id, 'card', card_id, from_date, to_date from staging.card_ranges
    union all
    select tenant_id, 'device', device_id, from_date, to_date from staging.device_ranges

)

select
    tenant_id,
    kind,
    id,
    list_sort(list_distinct(list(mentioned_by))) as mentioned_by,
    min(service_date) as first_date,
    max(service_date) as last_date,
    count(distinct service_date) as date_count

from mentions
where id is not null
    and (kind not in ('card', 'device') or (tenant_id, kind) in (select (tenant_id, kind) from listed))
    and not exists (
        from listed
        where listed.tenant_id = mentions.tenant_id
            and listed.kind = mentions.kind
            and listed.id = mentions.id
            and coalesce(mentions.service_date >= listed.from_date and mentions.service_date < listed.to_date, true)
    )
group by tenant_id, kind, id;
