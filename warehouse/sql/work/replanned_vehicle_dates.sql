-- The vehicle-dates that new plans, and returns that move a window, touch: their own, and every date whose fixes an old or a new window takes or lets go;
-- and the segments the tenant's new plans came in.

insert into core.reopened by name
select distinct
    touched.tenant_id,
    touched.vehicle_id,
    touched.service_date,
    'plan' as reason,
    now()::timestamp as noted_utc,
    news.spool_id,
    news.first_segment_no,
    news.last_segment_no
from (
    select tenant_id, vehicle_id, service_date from replanned
    union all
    select
        tenant_id,
        vehicle_id,
        unnest(list_append(
            list_transform(
                generate_series(from_utc::date - 1, to_utc::date + 1, interval 1 day), lambda day: day::date
            ),
            service_date
        )) as service_date
    from (
        (from windows_before except from core.plan_windows)
        union all
        (from core.plan_windows semi join moving using (tenant_id, vehicle_id) except from windows_before)
    )
) as touched
left join (
    select tenant_id, spool_id, min(segment_no) as first_segment_no, max(segment_no) as last_segment_no
    from unseen_plans
    group by all
) as news using (tenant_id)
