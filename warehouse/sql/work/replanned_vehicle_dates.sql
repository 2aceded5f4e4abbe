-- The vehicle-dates that new plans touch, their own and every date whose fixes an old or a new window takes or lets go,
-- with the segments that plans of the van's own routes came in. A window that lies as it was and ends elsewhere was
-- moved by a return to the depot: reason `window`, and what brought it stands with the fixes.

insert into core.reopened by name
with

moved as (

    from windows_before except from core.plan_windows
    union all
    (from core.plan_windows semi join moving using (tenant_id, vehicle_id) except from windows_before)

),

touched as (

    select tenant_id, vehicle_id, service_date, 'plan' as reason
    from replanned_routes
    union
    select
        tenant_id,
        vehicle_id,
        unnest(list_append(
            list_transform(
                generate_series(from_utc::date - 1, to_utc::date + 1, interval 1 day), lambda day: day::date
            ),
            service_date
        )) as service_date,
        case
            when count(*) over (
                partition by tenant_id, vehicle_id, service_date, from_utc, planned_to_utc, latest_utc
            ) = 2 then 'window'
            else 'plan'
        end as reason
    from moved

),

news as (

    select
        replanned_routes.tenant_id,
        replanned_routes.vehicle_id,
        'plan' as reason,
        spool_id,
        min(segment_no) as first_segment_no,
        max(segment_no) as last_segment_no
    from unseen_plans
    join replanned_routes using (tenant_id, service_date, route_id)
    group by all

)

select touched.*, now()::timestamp as noted_utc, spool_id, first_segment_no, last_segment_no
from touched
left join news using (tenant_id, vehicle_id, reason)
