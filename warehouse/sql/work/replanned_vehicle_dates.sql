-- The vehicle-dates that new plans touch: their own, and every date whose fixes an old or a new window takes or lets go.

insert into core.reopened
select distinct tenant_id, vehicle_id, touched, 'plan', now()::timestamp
from (
    select tenant_id, vehicle_id, service_date as touched from replanned
    union all
    select
        tenant_id,
        vehicle_id,
        unnest(list_append(
            list_transform(
                generate_series(from_utc::date - 1, to_utc::date + 1, interval 1 day), lambda day: day::date
            ),
            service_date
        ))
    from (
        (from windows_before except from core.plan_windows)
        union all
        (from core.plan_windows except from windows_before)
    )
)
