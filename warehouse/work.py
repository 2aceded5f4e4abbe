"""What is left to do?

Rows that came into the lake since the last time, and plans and dimensions that changed, re-open vehicle-dates.
The list is a table, `core.reopened`, emptied in the transaction that rebuilds: a run that was cut short is finished
by the next one, and a run with no news finds nothing.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

import duckdb

from warehouse.arrived import NewRows, Told, note_arrived
from warehouse.connection import sql, transaction
from warehouse.frozen import close_frozen, quarantine_frozen
from warehouse.idle_rates import REASON
from warehouse.lake import LakeTableFiles, borders, reader, resolved
from warehouse.windows import move_ends, renew_windows

READ_TABLES = ("positions", "events", "purchases", "plans", "rejects")
# What is left of a thinned date is never measured, under whatever name its van has now.
WHOLE = "flags is distinct from 'thinned'"
ALL = "true"  # the condition that holds of every row
NO_SEGMENT = "null::varchar as spool_id, null::bigint as segment_no"  # re-opened by something else than a message


class VehicleDate(NamedTuple):
    """One van on one service date: the unit of rebuilding."""

    tenant_id: str
    vehicle_id: str
    service_date: date


def absorb(
    connection: duckdb.DuckDBPyConnection,
    timezone: str,
    lake: Mapping[str, LakeTableFiles],
    told: Told | None = None,
    seen: Collection[str] = (),
) -> None:
    """Note every vehicle-date that new rows of the lake touch; take over new plans. All of it or nothing.

    New rows are looked for once, in two columns; then only the files that have some are read. `lake` is what
    `staging.read_*` see; `told` may tell what is in files (`warehouse.arrived`); `seen` files have no new rows.
    """
    connection.execute(
        "create or replace temp table replanned (tenant_id varchar, vehicle_id varchar, service_date date)"
    )
    with transaction(connection):
        reached = dict(connection.execute("from core.absorbed order by spool_id").fetchall())
        unseen = _unseen(reached)
        new = {name: table._replace(files=_files_with(connection, table, unseen, seen)) for name, table in lake.items()}
        if not any(table.files for table in new.values()):
            close_frozen(connection)  # of those that somebody asked for
            return
        for name in READ_TABLES:
            connection.execute(
                f"create or replace temp view unseen_{name} as"
                f" select * from ({reader(connection, name, new[name])}) where {unseen}"
            )
        _absorb_plans(connection)
        connection.execute(
            "create or replace temp view new_positions as select tenant_id, device_id, spool_id, segment_no,"
            f" make_timestamp(fix_ms * 1000) as at_utc from unseen_positions where {WHOLE}"
        )
        note_arrived(connection, NewRows(new["positions"].files, lake["positions"].files, reached), told)
        _hear_quarters(connection)
        if renew_windows(connection, timezone):
            _hear_quarters(connection)
        connection.execute(
            "create or replace temp view new_rejects as select tenant_id, device_id, spool_id, segment_no,"
            " make_timestamp(received_us) as at_utc from unseen_rejects where device_id is not null"
        )
        _reopen_resolved(connection, "heard_quarters", "positions", timezone)
        _reopen_resolved(connection, "new_rejects", "rejects", timezone)
        connection.execute(
            "create or replace temp view late_positions as select *, make_timestamp(fix_ms * 1000) as at_utc"
            f" from unseen_positions where {WHOLE}"
        )
        quarantine_frozen(connection, resolved("late_positions", timezone))
        close_frozen(connection)
        connection.execute(sql("work/heard_devices.sql"))
        connection.execute("insert or replace into core.devices by name from heard_devices")
        connection.execute(f"insert or replace into core.device_dates by name {sql('work/device_dates.sql')}")
        connection.execute(
            "insert or replace into core.absorbed select spool_id, max(segment_no) from ("
            + " union all ".join(f"select spool_id, segment_no from unseen_{name}" for name in READ_TABLES[1:])
            + " union all select spool_id, last_segment_no from new_quarters) group by spool_id"
        )


def work_done(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """What a warehouse, or a copy of one, has taken into account; equal lists mean equal content.

    A copy that was published before a table was there raises CatalogException.
    """
    return connection.execute(
        "select (select count(*) from core.imports), (select max(load_id) from core.loads),"
        " (select count(*) from core.reopened), (from core.schema_stamp),"
        # What expiry leaves: a run of it that died before it published is news.
        " (select count(*) from core.frozen_dates where why != 'thinning'), (select count(*) from core.ledger),"
        " (select count(*) from core.vehicle_dates), (select count(*) from core.frozen_rejects where is_dropped),"
        " (select count(*) from core.fuel_reviews), (select count(*) from core.fuel_flag_history),"
        " (select list((spool_id, segment_no) order by spool_id) from core.absorbed),"
        " (select list(held order by held) from core.held_back as held),"
        " (select list(found order by found) from (select * exclude (checked_utc, sample) from core.check_results"
        " where row_count > 0) as found)"
    ).fetchall()


def replanned_dates(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """The service dates whose plans the last `absorb` of this connection changed, frozen vehicle-dates with them."""
    return [row[0] for row in connection.execute("select distinct service_date from replanned order by 1").fetchall()]


def reopened_dates(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """The service dates with something to rebuild, or to check once more, oldest first."""
    rows = connection.execute(
        "select service_date from core.reopened union select service_date from core.held_back order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def reopened_vehicles(connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str]) -> list[VehicleDate]:
    """The vehicle-dates of a service date of these tenants to measure again; a rate learned anew needs only marts."""
    rows = connection.execute(
        "select distinct tenant_id, vehicle_id, service_date from core.reopened"
        " where service_date = $day and reason != $reason and list_contains($tenants, tenant_id) order by all",
        {"day": day, "reason": REASON, "tenants": [*tenants]},
    ).fetchall()
    return [VehicleDate(*row) for row in rows]


def reopen_everything(connection: duckdb.DuckDBPyConnection, timezone: str, day: date | None = None) -> None:
    """Note every vehicle-date of the lake and of the warehouse, or those of one service date; `absorb` comes next."""
    with transaction(connection):
        reopen_dated(connection, "core.vehicle_dates", "full")
        if day is None:
            # All rows of the lake are new again, so absorbing notes what they are of, plans and devices with it.
            connection.execute("delete from core.absorbed")
            connection.execute("delete from core.devices")
            connection.execute("delete from core.device_dates")
            return
        connection.execute(
            "create or replace temp view all_positions as"
            f" select tenant_id, device_id, {NO_SEGMENT}, at_utc from staging.timed_positions where {WHOLE}"
        )
        _reopen_resolved(connection, "all_positions", "full", timezone)
        connection.execute("delete from core.reopened where reason = 'full' and service_date != $day", {"day": day})


def reopen_vehicles(connection: duckdb.DuckDBPyConnection, timezone: str, reason: str) -> None:
    """Note every vehicle-date of the vans and devices in the temporary table `changed (tenant_id, vehicle_id)`.

    A van stands there under every name it has or had: its own, its devices', and `device:<id>`.
    """
    connection.execute(
        "create or replace temp view changed_positions as"
        f" select tenant_id, device_id, {NO_SEGMENT}, at_utc from staging.timed_positions as read where {WHOLE} and"
        " (exists (from changed where changed.tenant_id = read.tenant_id"
        " and changed.vehicle_id in (read.device_id, 'device:' || read.device_id))"
        " or exists (from staging.device_spans as spans semi join changed using (tenant_id, vehicle_id)"
        " where spans.tenant_id = read.tenant_id and spans.device_id = read.device_id))"
    )
    connection.execute(
        "create or replace temp table moving as select tenant_id, vehicle_id, service_date"
        " from core.plan_windows semi join changed using (tenant_id, vehicle_id)"
    )
    move_ends(connection, timezone)
    _reopen_resolved(connection, "changed_positions", reason, timezone)
    reopen_dated(connection, "core.vehicle_dates semi join changed using (tenant_id, vehicle_id)", reason)


def _unseen(reached: Mapping[str, int]) -> str:
    """The condition that picks rows of later segments; written out, so that file statistics can prune."""
    if not reached:
        return ALL
    named = [(spool_id.replace("'", "''"), segment_no) for spool_id, segment_no in reached.items()]
    later = " or ".join(f"(spool_id = '{spool_id}' and segment_no > {number})" for spool_id, number in named)
    listed = ", ".join(f"'{spool_id}'" for spool_id, _ in named)
    return f"({later} or spool_id not in ({listed}))"


def _files_with(
    connection: duckdb.DuckDBPyConnection, table: LakeTableFiles, condition: str, seen: Collection[str]
) -> list[str]:
    """The files of a table that have rows of which this holds: all of them, or some that were not seen."""
    files = list(table.files) if condition == ALL else [path for path in table.files if path not in seen]
    if condition == ALL or not files:
        return files
    rows = connection.execute(
        f"select distinct filename from read_parquet($files, union_by_name = {table.is_mixed}) where {condition}",
        {"files": files},
    ).fetchall()
    return sorted(row[0] for row in rows)


def _hear_quarters(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(sql("work/heard_quarters.sql").replace("{borders}", borders("new_quarters")))


def _reopen_resolved(connection: duckdb.DuckDBPyConnection, source: str, reason: str, timezone: str) -> None:
    connection.execute(
        sql("work/new_vehicle_dates.sql")
        .replace("{source}", source)
        .replace("{reason}", reason)
        .replace("{resolved}", resolved(source, timezone))
    )


def reopen_dated(connection: duckdb.DuckDBPyConnection, dated: str, reason: str) -> None:
    """Note the vehicle-dates of `dated`, a table or a select with tenant_id, vehicle_id and service_date."""
    connection.execute(
        "insert into core.reopened by name select tenant_id, vehicle_id, service_date, $reason as reason,"
        f" now()::timestamp as noted_utc from {dated}",
        {"reason": reason},
    )


def _absorb_plans(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create or replace temp table new_plans as select distinct tenant_id, service_date, route_id from unseen_plans"
    )
    # To find the current ones all plans are read.
    has_new = connection.execute("select exists (from new_plans)").fetchall()[0][0]
    none_if_none = "" if has_new else "limit 0"
    connection.execute(
        f"create or replace temp table current_plans as from ({sql('work/current_plans.sql')}) {none_if_none}"
    )
    before = "(from core.planned_routes semi join new_plans using (tenant_id, service_date, route_id))"
    changed = f"((from current_plans except from {before}) union (from {before} except from current_plans))"
    connection.execute(
        "create or replace temp table replanned_routes as"
        f" select distinct tenant_id, vehicle_id, service_date, route_id from {changed} {none_if_none}"
    )
    if not has_new:
        return
    connection.execute(
        "insert into replanned select distinct tenant_id, vehicle_id, service_date from replanned_routes"
    )
    if not connection.execute("select count(*) from replanned").fetchall()[0][0]:
        return
    connection.execute(
        "delete from core.planned_routes using new_plans as new where new.tenant_id = planned_routes.tenant_id"
        " and new.service_date = planned_routes.service_date and new.route_id = planned_routes.route_id"
    )
    connection.execute("insert into core.planned_routes by name from current_plans")
