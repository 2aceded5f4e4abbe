"""A warehouse and a lake of a year, made of one delivery day that went through the whole line.

The day is simulated, loaded, measured, checked and published as any other. Then all that tables and lake hold of it is
put in once more for every service date before it, with its dates and instants moved, so that each of them is what the
line would have made of that date. Sundays are left out: 310 service dates are a year.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
from deltalake import write_deltalake

from flows.importing import run_import
from flows.refresh import refresh
from flows.settings import Settings
from ingest.columns import LAKE_TABLES, LakeTable
from ingest.lake import opened_table, writer_properties
from ingest.simulation import simulate
from ingest.spool import Message, Spool
from warehouse.connection import open_database, open_warehouse, sql, transaction, writer_lock
from warehouse.fuel_presence import KEY, find_stale_lines

SEED = 7
SUNDAY = 6
SPOOL = "main"
DAYS_A_COMMIT = 8
DIMENSIONS = ("vehicles", "depots", "drivers", "assignments", "stations", "prices")
KEYED = ("core.device_dates",)
LOADS_A_DAY = 10  # more than the loads that one day takes: ids of loads stay unique


class Year(NamedTuple):
    """What was made; `days` are its service dates, oldest first."""

    settings: Settings
    days: Sequence[date]
    points: int
    runs: int


def build_year(folder: Path, vans: int, days: int, tell: Callable[[int, int], None]) -> Year:
    """Make it below an empty folder; `tell` hears how many service dates are done."""
    settings = Settings(_env_file=None, data_dir=folder / "data")  # type: ignore[call-arg]
    last = _one_day(settings, folder / "dimensions", vans)
    before = (last - timedelta(days=back) for back in range(1, 2 * days + 7))
    earlier = [day for day in before if day.weekday() != SUNDAY][: days - 1]
    shifts = [(last - day).days for day in earlier]
    with writer_lock(settings.lock_path, wait_s=1):
        for table in LAKE_TABLES:
            _repeat_lake(settings, table, shifts, tell if table.name == "positions" else None)
        with open_warehouse(settings.warehouse_path) as warehouse:
            _repeat_tables(warehouse, shifts)
            _call_purchases_compared(warehouse, settings.timezone)
            runs, points = warehouse.execute(
                "select (select count(*) from core.ledger), (select sum(accepted_count) from core.vehicle_dates)"
            ).fetchall()[0]
    refresh(settings)
    return Year(settings, [*reversed(earlier), last], int(points), runs)


def _one_day(settings: Settings, dimensions: Path, vans: int) -> date:
    """Yesterday through the whole line; returns its service date."""
    fleet = simulate(vans=vans, days=1, seed=SEED)
    dimensions.mkdir(parents=True)
    fleet.write_dimensions(dimensions)
    for name in DIMENSIONS:
        run_import(settings, name, [dimensions / f"{name}.csv"])
    received_us = max(found.due_us for found in fleet.messages)
    with Spool.open(settings.spool_dir / SPOOL) as spool:
        spool.append([Message(found.topic, found.payload, received_us, 1, False, None) for found in fleet.messages])
    refresh(settings)
    with open_database(settings.warehouse_path, read_only=True) as warehouse:
        last: date = warehouse.execute("select max(service_date) from core.vehicle_dates").fetchall()[0][0]
    return last


def _repeat_lake(
    settings: Settings, table: LakeTable, shifts: Sequence[int], tell: Callable[[int, int], None] | None
) -> None:
    """Append all rows that a table has once more for each shift, so many days earlier."""
    handle = opened_table(table, settings)
    with open_database() as connection:
        day = connection.from_arrow(handle.to_pyarrow_table().select(table.schema.names)).to_view("day")
        columns = [(name, str(kind)) for name, kind in zip(day.columns, day.types, strict=True)]
        moved = ", ".join(_moved_in_lake(name, kind) for name, kind in columns)
        for first in range(0, len(shifts), DAYS_A_COMMIT):
            some = shifts[first : first + DAYS_A_COMMIT]
            rows = connection.sql(
                f"select {moved} from day cross join (select unnest($shifts::bigint[]) as shift)",
                params={"shifts": list(some)},
            ).to_arrow_table()
            write_deltalake(
                handle,
                rows.cast(table.schema),
                mode="append",
                writer_properties=writer_properties(table),
            )
            handle.update_incremental()
            if tell is not None:
                tell(first + len(some), len(shifts))


def _moved_in_lake(name: str, kind: str) -> str:
    if name.endswith("_ms"):
        return f"{name} - shift * 86_400_000 as {name}"
    if name.endswith("_us"):
        return f"{name} - shift * 86_400_000_000 as {name}"
    return _moved(name, kind)


def _moved(name: str, kind: str) -> str:
    """A column as it is so many days earlier; what identifies a purchase or a load must stay unique."""
    if kind == "DATE":
        return f"({name} - shift::integer)::date as {name}"
    if kind == "TIMESTAMP":
        return f"{name} - to_days(shift::integer) as {name}"
    if name == "provider_txn_id":
        return f"{name} || '-' || shift as {name}"
    if name == "ts_local":
        return f"strftime(try_cast({name} as timestamp) - to_days(shift::integer), '%Y-%m-%dT%H:%M:%S') as {name}"
    if name == "load_id":
        return f"{name} + shift * {LOADS_A_DAY} as {name}"
    return name


def _repeat_tables(warehouse: duckdb.DuckDBPyConnection, shifts: Sequence[int]) -> None:
    """The same for every table of core and marts that is of dates."""
    columns = warehouse.execute(
        "select schema_name || '.' || table_name, list((column_name, data_type) order by column_index)"
        " from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)"
        " where database_name = current_database() and schema_name in ('core', 'marts') group by all"
        " having bool_or(column_name in ('service_date', 'provider_txn_id', 'fix_date')) order by 1"
    ).fetchall()
    with transaction(warehouse):
        for table, listed in columns:
            moved = ", ".join(_moved(name, kind) for name, kind in listed)
            # Devices are heard on two dates of UTC: the next date has a row of the first one already.
            warehouse.execute(
                f"insert {'or ignore ' if table in KEYED else ''}into {table} by name select {moved}"
                f" from (from {table}) cross join (select unnest($shifts::bigint[]) as shift) order by shift desc",
                {"shifts": list(shifts)},
            )


def _call_purchases_compared(warehouse: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Say of every purchase that it was compared with the vehicle-dates there are now, as those of its day were."""
    warehouse.execute(sql("fuel/macros.sql"))
    warehouse.execute("delete from core.fuel_evaluations")
    find_stale_lines(warehouse, timezone)
    warehouse.execute(f"insert into core.fuel_evaluations by name select {', '.join(KEY)}, inputs from stale_lines")
