-- Windows that are laid out as before end where they did before.

update core.plan_windows set to_utc = before.to_utc
from windows_before as before
where before.tenant_id = plan_windows.tenant_id
    and before.vehicle_id = plan_windows.vehicle_id
    and before.service_date = plan_windows.service_date
    and before.from_utc = plan_windows.from_utc
    and before.planned_to_utc = plan_windows.planned_to_utc
    and before.latest_utc = plan_windows.latest_utc
