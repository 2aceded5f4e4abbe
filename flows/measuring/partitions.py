"""How is a part of a service date measured by a machine that has the lake, and not the warehouse?

A partition is some whole vehicle-dates of one service date; which one a van is in depends on its name alone. Who
measures it is handed what decides its answer beside the lake: dimensions, plans and how much each device sent, as
tables (`Inputs`). From them a warehouse in memory is made, and everything after that is the way of one machine:
`chunks.portions`, the kernels, `measured_rows`. So the rows are the same, wherever they are measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import blake2b
from typing import NamedTuple

import duckdb
import polars as pl

from flows.measuring.areas import NamedAreas
from flows.measuring.chunks import portions
from flows.measuring.measure import measure
from flows.measuring.measured import measured_rows
from flows.settings import Settings
from warehouse.connection import ensure_schema, open_database
from warehouse.lake import LakeTableFiles, attach_lake
from warehouse.load import place_ends_of, start_place_ends
from warehouse.models import prepare_models
from warehouse.work import VehicleDate

DIMENSIONS = ("tenants", "vehicles", "depots", "drivers", "registered_devices", "assignments")
# Those of a partition's days, by their column of dates. Windows of plans cut service dates: a day is decided by others.
OF_DAYS = {"planned_routes": "service_date", "plan_windows": "service_date", "device_dates": "fix_date"}
WHOLE = ("frozen_rejects",)
AROUND = timedelta(days=7)


class Given(NamedTuple):
    """What is measured, of one service date, and beside what."""

    day: date
    vehicle_dates: Sequence[VehicleDate]
    sites: pl.DataFrame
    areas: NamedAreas


class Measured(NamedTuple):
    """Rows of core by table, and what `place_ends` holds of the same vehicle-dates."""

    rows: Mapping[str, pl.DataFrame]
    place_ends: pl.DataFrame


class Inputs(NamedTuple):
    """All that a partition is measured from, beside the files of the lake that `lake` names."""

    tables: Mapping[str, pl.DataFrame]
    lake: Mapping[str, LakeTableFiles]
    settings: Settings


Measuring = Callable[
    [duckdb.DuckDBPyConnection, Mapping[str, LakeTableFiles], Settings, Given], Iterator[Mapping[str, pl.DataFrame]]
]


def measured_here(
    warehouse: duckdb.DuckDBPyConnection, lake: Mapping[str, LakeTableFiles], settings: Settings, given: Given
) -> Iterator[Mapping[str, pl.DataFrame]]:
    """Measure portion by portion in this process; the kernels use all processors."""
    for portion in portions(warehouse, lake, settings, given.day, given.vehicle_dates):
        yield measured_rows(portion.chunk, portion.day, measure(portion.day, given.sites, given.areas, settings))


def partitioned(vehicle_dates: Sequence[VehicleDate], count: int) -> list[list[VehicleDate]]:
    """At most `count` partitions, none of them empty; a van is in one by its name, whatever else there is."""
    parts: list[list[VehicleDate]] = [[] for _ in range(count)]
    for found in vehicle_dates:
        name = f"{found.tenant_id}\0{found.vehicle_id}".encode()
        parts[int.from_bytes(blake2b(name, digest_size=8).digest()) % count].append(found)
    return [part for part in parts if part]


def inputs_of(
    warehouse: duckdb.DuckDBPyConnection, lake: Mapping[str, LakeTableFiles], settings: Settings, day: date
) -> Inputs:
    """Take what decides the measured rows of a service date out of the warehouse."""
    tables = {name: warehouse.sql(f"from core.{name}").pl() for name in (*DIMENSIONS, *WHOLE)}
    for name, column in OF_DAYS.items():
        dated = f"select * from core.{name} where {column} between $first and $last"
        tables[name] = warehouse.sql(dated, params={"first": day - AROUND, "last": day + AROUND}).pl()
    positions = lake["positions"]
    near = [path for path in positions.files if _may_hold(path, positions.partition_by, day)]
    bare = {name: table.without_files() for name, table in lake.items()}
    return Inputs(tables, {**bare, "positions": positions._replace(files=near)}, without_secrets(settings))


def measure_partition(inputs: Inputs, given: Given) -> list[Measured]:
    """Measure a partition, by way of a warehouse in memory."""
    with warehouse_of(inputs) as warehouse:
        found = []
        for rows in measured_here(warehouse, inputs.lake, inputs.settings, given):
            found.append(Measured(rows, place_ends_of(warehouse)))
            start_place_ends(warehouse)
    return found


@contextmanager
def warehouse_of(inputs: Inputs) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory with these tables, and views over the lake."""
    with open_database() as warehouse:
        ensure_schema(warehouse)
        prepare_models(warehouse)
        for name, table_rows in inputs.tables.items():
            assert table_rows.width
            warehouse.execute(f"insert into core.{name} by name from table_rows")
        attach_lake(warehouse, inputs.lake, inputs.settings.timezone)
        start_place_ends(warehouse)
        yield warehouse


def without_secrets(settings: Settings) -> Settings:
    """The same thresholds without passwords and tokens: nobody who measures needs them."""
    fields = type(settings).model_fields
    kept = {name for name, field in fields.items() if field.repr or name == "lake_url"}
    return settings.model_copy(update={name: fields[name].default for name in fields.keys() - kept})


def _may_hold(path: str, column: str, day: date) -> bool:
    """Whether a file may hold fixes of a service date, by the date in its path."""
    found = re.search(rf"/{column}=(\d{{4}}-\d\d-\d\d)/", path)
    return found is None or abs(date.fromisoformat(found[1]) - day) <= AROUND
