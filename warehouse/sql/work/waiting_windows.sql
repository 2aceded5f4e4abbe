-- The windows that may end later than planned, among those whose planned end any van has been heard near: a fix is
-- at most two minutes ahead of the time it was received.

select *
from core.plan_windows
where planned_to_utc < latest_utc
    and planned_to_utc <= interval 2 minute + (
        select max(seen_utc)
        from (
            select max(last_seen_utc) as seen_utc from core.devices
            union all
            select make_timestamp(max(last_received_us)) from new_quarters
        )
    )
