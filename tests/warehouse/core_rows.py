"""Rows of core, written by hand: the ledger of a van run by run, and rows with only the columns that matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from ingest.columns import LAKE_TABLES
from warehouse.connection import ensure_schema, prepare
from warehouse.lake import LakeTableFiles

ZONE = ZoneInfo("America/New_York")
DAY = date(2026, 2, 26)
MILE_M = 1609.344
GALLON_L = 3.785411784
NO_LAKE = {
    table.name: LakeTableFiles(0, (), False, table.partition_by, pl.DataFrame(table.schema.empty_table()))
    for table in LAKE_TABLES
}
EMPTY = {"VARCHAR": "", "VARCHAR[]": [], "BOOLEAN": False, "TIMESTAMP": datetime(2026, 2, 26)}  # anything else: 0


def local(clock: str, day: date = DAY) -> datetime:
    """The naive UTC instant of a local time, `10:05` or `10:05:01`."""
    return datetime.combine(day, time.fromisoformat(clock), ZONE).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def insert(warehouse: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """Insert one row; required columns that are not given are empty or 0."""
    given = {column: EMPTY.get(kind, 0) for column, kind in required_columns(table).items()} | values
    marks = ", ".join("?" for _ in given)
    warehouse.execute(f"insert into {table} ({', '.join(given)}) values ({marks})", list(given.values()))


def required_columns(table: str) -> dict[str, str]:
    """The columns of a table of `schema.sql` that a row must have, and their types."""
    return _required_columns().get(table, {})


@cache
def _required_columns() -> dict[str, dict[str, str]]:
    """Of all tables at once: to ask a warehouse with all its views takes 6 ms, which is two inserts."""
    found: dict[str, dict[str, str]] = {}
    with duckdb.connect() as connection:
        prepare(connection)
        ensure_schema(connection)
        listed = connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
            " where not internal and not is_nullable"
        )
        for table, column, kind in listed.fetchall():
            found.setdefault(table, {})[column] = kind
    return found


@contextmanager
def rows_taken_back(warehouse: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse whose empty tables are empty again after the block: cheaper than a new one, half a second each."""
    before = _filled(warehouse)
    yield warehouse
    for name in _filled(warehouse) - before:
        warehouse.execute(f"delete from {name}")


def _filled(warehouse: duckdb.DuckDBPyConnection) -> set[str]:
    names = warehouse.execute("select schema_name || '.' || table_name from duckdb_tables() where not internal")
    counted = " union all ".join(f"select '{name}' where exists (from {name})" for (name,) in names.fetchall())
    return {name for (name,) in warehouse.execute(counted).fetchall()}


class VanDay:
    """The ledger of one van on one date, written run after run; `close` adds its row in core.vehicle_dates."""

    def __init__(
        self,
        warehouse: duckdb.DuckDBPyConnection,
        vehicle_id: str,
        begins: str,
        *,
        tenant_id: str = "dax7",
        day: date = DAY,
        route_id: str | None = None,
    ) -> None:
        self.warehouse, self.day, self.route_id = warehouse, day, route_id
        self.key = {"tenant_id": tenant_id, "service_date": day, "vehicle_id": vehicle_id}
        self.begins_utc = self.now_utc = local(begins, day)
        self.distance_m = 0.0

    def run(
        self,
        state: str,
        minutes: float,
        *,
        phase: str = "none",
        miles: float = 0,
        fuel_l: float | None = None,
        energy_kwh: float | None = None,
    ) -> "VanDay":
        """One run after the last one."""
        started_utc = self.now_utc
        self.now_utc += timedelta(minutes=minutes)
        self.distance_m += miles * MILE_M
        insert(
            self.warehouse, "core.ledger", **self.key, started_utc=started_utc, ended_utc=self.now_utc,
            duration_us=(self.now_utc - started_utc) // timedelta(microseconds=1), state=state, context="other",
            route_id=self.route_id, phase=phase, distance_m=miles * MILE_M, fuel_l=fuel_l, energy_kwh=energy_kwh,
        )  # fmt: skip
        return self

    def close(self, *, depot_id: str | None = "DAX7", **measured: object) -> None:
        """The row of the vehicle-date; a counter is read from its first fix to its last."""
        if measured.get("fuel_used_l") is not None:
            measured = {"fuel_distance_m": self.distance_m} | measured
        insert(
            self.warehouse, "core.vehicle_dates", **self.key, depot_id=depot_id, timezone=ZONE.key,
            first_fix_utc=self.begins_utc, last_fix_utc=self.now_utc, distance_m=self.distance_m,
            distance_source="odometer", **measured,
        )  # fmt: skip
