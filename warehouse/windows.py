"""From when to when do the fixes of a van take the service date of its plan?

A window is laid out from plans alone and then ends at the return to the depot, if that is later. So the windows of a
van move when its plans, its positions or its depot change. What they become is read from all plans and positions
there are, never from the order in which they came.
"""

import duckdb

from warehouse.connection import sql
from warehouse.lake import resolved


def renew_windows(connection: duckdb.DuckDBPyConnection, timezone: str) -> bool:
    """Lay out the windows of the vans in `replanned` and move those that new positions move; note what they touch.

    A window that is laid out as it was keeps its end, so that no fix of it is read again.
    Reads the temporary `replanned`, `replanned_routes`, `unseen_plans`, `new_quarters` and `heard_quarters`.
    Returns False where all windows stay as they were.
    """
    connection.execute("create or replace temp view waiting as " + sql("work/waiting_windows.sql"))
    connection.execute(
        "create or replace temp view near_positions as select tenant_id, device_id, at_utc from heard_quarters"
        " where at_utc between (select min(from_utc) from waiting) and (select max(latest_utc) from waiting)"
    )
    connection.execute(
        "create or replace temp table moving as select tenant_id, vehicle_id, service_date from replanned"
        " union select waiting.tenant_id, waiting.vehicle_id, waiting.service_date"
        f" from waiting join ({resolved('near_positions', timezone)}) as heard"
        " on waiting.tenant_id = heard.tenant_id and waiting.vehicle_id = heard.vehicle_id"
        " and heard.at_utc >= waiting.from_utc and heard.at_utc < waiting.latest_utc"
    )
    if not connection.execute("select count(*) from moving").fetchall()[0][0]:
        return False
    connection.execute(
        "create or replace temp table windows_before as"
        " from core.plan_windows semi join moving using (tenant_id, vehicle_id)"
    )
    connection.execute(
        "delete from core.plan_windows using replanned as van"
        " where van.tenant_id = plan_windows.tenant_id and van.vehicle_id = plan_windows.vehicle_id"
    )
    connection.execute(f"insert into core.plan_windows by name {sql('work/plan_windows.sql')}")
    connection.execute(sql("work/kept_ends.sql"))
    connection.execute(
        "insert into moving select tenant_id, vehicle_id, service_date from core.plan_windows"
        " semi join replanned using (tenant_id, vehicle_id) anti join windows_before using"
        " (tenant_id, vehicle_id, service_date, from_utc, planned_to_utc, latest_utc)"
        " anti join moving using (tenant_id, vehicle_id, service_date)"
    )
    move_ends(connection, timezone)
    connection.execute(sql("work/replanned_vehicle_dates.sql"))
    return True


def move_ends(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """End the windows in the temporary table `moving` at their return to the depot, where it is later."""
    first, last = connection.execute(
        "select min(from_utc)::date, max(latest_utc)::date"
        " from core.plan_windows semi join moving using (tenant_id, vehicle_id, service_date)"
    ).fetchall()[0]
    if first is None:
        return
    connection.execute(sql("work/window_positions.sql"), {"first": first, "last": last})
    ends = sql("work/window_ends.sql").replace("{resolved}", resolved("window_positions", timezone))
    connection.execute(f"create or replace temp table window_ends as {ends}")
    connection.execute(
        "update core.plan_windows set to_utc = ends.to_utc from window_ends as ends"
        " where ends.tenant_id = plan_windows.tenant_id and ends.vehicle_id = plan_windows.vehicle_id"
        " and ends.service_date = plan_windows.service_date"
    )
