"""Which vehicle-dates are never measured again, and what becomes of their rows?

A vehicle-date is frozen when its positions are thinned, erased or expired: what was measured of it cannot be measured
again. `core.frozen_dates` lists them and is kept. Nothing re-opens them; positions that still come for one are
quarantined as `date_frozen`; a new schema takes their rows over, column by column; and a rebuild of their service date
leaves their rows in core and marts as they are.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

import duckdb

OF_LINES = ("core.fuel_presence", "core.fuel_evaluations")  # belong to a vehicle-date by their line of core.fuel_lines
_EMPTY = {"BOOLEAN": "false", "VARCHAR": "''", "JSON": "'{}'"}


class FrozenDate(NamedTuple):
    """One vehicle-date that is frozen, and why."""

    tenant_id: str
    vehicle_id: str
    service_date: date
    why: str


def freeze(connection: duckdb.DuckDBPyConnection, dates: str, why: str) -> None:
    """Freeze the vehicle-dates of `dates` (a table or select); those frozen before stay so, with the new reason."""
    connection.execute(
        "insert or replace into core.frozen_dates by name select distinct tenant_id, vehicle_id, service_date,"
        f" $why as why, now()::timestamp as frozen_utc from {dates}",
        {"why": why},
    )


def frozen_dates(connection: duckdb.DuckDBPyConnection) -> list[FrozenDate]:
    """List the frozen vehicle-dates."""
    rows = connection.execute(
        "select tenant_id, vehicle_id, service_date, why from core.frozen_dates order by all"
    ).fetchall()
    return [FrozenDate(*row) for row in rows]


def last_touched(connection: duckdb.DuckDBPyConnection) -> date | None:
    """The last date of which rows of the lake may have been thinned or deleted for their age; None where none were."""
    found: date | None = connection.execute(
        "select max(day) from (select max(service_date) as day from core.frozen_dates where why like 'thin%' union all"
        " select current_date - min(keep_days)::integer from core.retention"
        " where data in ('positions', 'thinned_positions', 'events', 'days', 'fuel'))"
    ).fetchall()[0][0]
    return found


def close_frozen(connection: duckdb.DuckDBPyConnection) -> None:
    """Take frozen vehicle-dates off the list of what is to be rebuilt."""
    connection.execute(
        "delete from core.reopened using core.frozen_dates as frozen where frozen.tenant_id = reopened.tenant_id"
        " and frozen.vehicle_id = reopened.vehicle_id and frozen.service_date = reopened.service_date"
    )


def quarantine_frozen(connection: duckdb.DuckDBPyConnection, resolved_positions: str) -> None:
    """Quarantine those of `resolved_positions`, a select over new rows of the lake, that are of a frozen date."""
    if not connection.execute("select count(*) from core.frozen_dates").fetchall()[0][0]:
        return
    connection.execute(
        "insert into core.frozen_rejects by name select tenant_id, vehicle_id, service_date, device_id, fix_date,"
        " make_timestamp(received_us) as received_utc, spool_id, segment_no, payload_hash, point_index,"
        f" false as is_dropped from ({resolved_positions})"
        " semi join (from core.frozen_dates where why != 'thinning') as frozen"
        " using (tenant_id, vehicle_id, service_date) anti join core.frozen_rejects as known"
        " using (tenant_id, device_id, spool_id, segment_no, payload_hash, point_index)"
    )
    # Nothing else of the day's health is known any more, so only this count is brought forward.
    connection.execute(
        "update marts.data_health as health set rejected_count = health.rejected_count"
        " - coalesce((health.rejected_by_rule ->> 'date_frozen')::bigint, 0) + late.row_count, rejected_by_rule ="
        " json_merge_patch(health.rejected_by_rule, json_object('date_frozen', late.row_count))"
        " from (select tenant_id, vehicle_id, service_date, count(*) as row_count"
        " from core.frozen_rejects group by all) as late"
        " where late.tenant_id = health.tenant_id and late.vehicle_id = health.vehicle_id"
        " and late.service_date = health.service_date"
        " and late.row_count != coalesce((health.rejected_by_rule ->> 'date_frozen')::bigint, 0)"
    )


def set_frozen_aside(connection: duckdb.DuckDBPyConnection, but: Collection[str]) -> list[str]:
    """Copy the rows of frozen vehicle-dates to temporary tables; return the tables they are of, none of `but`."""
    columns = _columns(connection)
    if "core.frozen_dates" not in columns:
        return []
    kept = []
    for table, names in columns.items():
        if table in but or not {"tenant_id", "service_date"} <= names.keys():
            continue
        # What is counted by tenant and date stays where any van of it is frozen.
        key = "tenant_id, vehicle_id, service_date" if "vehicle_id" in names else "tenant_id, service_date"
        _set_aside(connection, table, f"select * from {table} semi join core.frozen_dates using ({key})")
        kept.append(table)
    for table in OF_LINES:
        if table in columns:
            _set_aside(
                connection,
                table,
                f"select * from {table} semi join (from core.fuel_lines semi join core.frozen_dates"
                " using (tenant_id, vehicle_id, service_date)) using (tenant_id, provider, provider_txn_id, item_no)",
            )
            kept.append(table)
    return kept


def put_frozen_back(connection: duckdb.DuckDBPyConnection, kept: Iterable[str]) -> None:
    """Put those rows into the tables of the new schema, by column name.

    A column that is new is null, or 0, false or empty where null is not allowed; a value that does not fit is too.
    """
    columns = _columns(connection)
    for table in kept:
        if table not in columns:
            continue
        aside = _aside(table)
        known = {row[0] for row in connection.execute(f"describe {aside}").fetchall()}
        values = []
        for name, (kind, is_nullable) in columns[table].items():
            value = f"try_cast({aside}.{name} as {kind})" if name in known else "null"
            values.append(f"{value if is_nullable else f'coalesce({value}, {_empty(kind)})'} as {name}")
        connection.execute(f"insert into {table} by name select {', '.join(values)} from {aside}")
        connection.execute(f"drop table {aside}")


def _set_aside(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    connection.execute(f"create or replace temp table {_aside(table)} as {rows}")


def _aside(table: str) -> str:
    return "frozen_" + table.replace(".", "_")


def _empty(kind: str) -> str:
    if kind.endswith("[]"):
        return f"[]::{kind}"
    return _EMPTY.get(kind, f"{'epoch_ms(0)' if kind in ('DATE', 'TIMESTAMP') else '0'}::{kind}")


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, tuple[str, bool]]]:
    """The columns of every table of core and marts: type, and whether null is allowed."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type, is_nullable from duckdb_columns()"
        " semi join (select schema_name, table_name from duckdb_tables() where database_name = current_database())"
        " using (schema_name, table_name) where database_name = current_database()"
        " and schema_name in ('core', 'marts') order by table_name, column_index"
    ).fetchall()
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for table, name, kind, is_nullable in rows:
        found.setdefault(table, {})[name] = (kind, is_nullable)
    return found
