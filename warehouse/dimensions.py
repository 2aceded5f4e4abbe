"""How do vehicles, depots, drivers, assignments, prices, working hours, areas and the like get into the warehouse?

From CSV, Parquet or GeoJSON files with the columns of `DIMENSIONS`; other columns are kept beside them. A file is
taken whole or not at all: every bad row is listed with its number and the reason. A row replaces the one with the same
key; one that ends where it begins never held, and takes the one with its key out. Rows of one thing may follow each
other in time and never overlap. Whatever changes for a van re-opens its vehicle-dates.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.dimension_columns import Dimension
from warehouse.dimension_files import Unreadable, file_rows
from warehouse.dimension_types import column_type
from warehouse.dimension_values import as_it_is, hidden
from warehouse.price_series import EIA_COLUMNS, as_prices
from warehouse.work import reopen_dated, reopen_vehicles

SHOWN_PROBLEMS = 50
SHOWN_CHARACTERS = 60
NUMBERED = frozenset({"imei", "iccid", "imsi"})  # of devices: the check digit of the first two is that of cards
# Pairs of columns of which the second, where both are given, has to be later than the first, or in a key as late.
RANGES = (
    ("from_utc", "to_utc"),
    ("clock_in_utc", "clock_out_utc"),
    ("valid_from", "valid_to"),
    ("lease_from", "lease_to"),
)
# The service date of `days` is one on which the row of `differing` holds or held.
HELD = (
    "days.service_date >= coalesce(differing.valid_from, date '-infinity')"
    " and days.service_date < coalesce(differing.valid_to, date 'infinity')"
)
# Which vehicle-dates the changed rows (`differing`) of a dimension touch, where those are single dates.
DATED = {
    "timeclock": "(select distinct tenant_id, vehicle_id, service_date from marts.route_days"
    " semi join differing using (tenant_id, driver_id, service_date))",
    "deliveries": "(select distinct tenant_id, vehicle_id, service_date from differing)",
    "devices": "(select distinct days.tenant_id, days.vehicle_id, days.service_date from core.vehicle_dates as days"
    " join differing on differing.tenant_id = days.tenant_id"
    " and (days.vehicle_id in (differing.device_id, 'device:' || differing.device_id)"
    " or exists (from core.assignments as assigned where assigned.tenant_id = differing.tenant_id"
    " and assigned.kind = 'device' and assigned.id = differing.device_id"
    " and assigned.vehicle_id = days.vehicle_id))"
    f" where {HELD})",
    "stations": "(select distinct days.tenant_id, days.vehicle_id, days.service_date"
    f" from core.vehicle_dates as days, differing where {HELD})",
    "jurisdictions": "(select distinct tenant_id, vehicle_id, service_date from core.ledger, differing"
    " where list_contains(jurisdictions, jurisdiction_id)"
    " or (state = 'idle' and latitude between south and north and longitude between west and east)"
    " or (state = 'idle' and place_precision_m != 0))",  # where it was exactly is known to the lake only
}


class ImportRefused(Exception):
    """A file was not taken; `problems` holds (row number from 1, or None for the file; reason)."""

    def __init__(self, path: Path, problems: list[tuple[int | None, str]]) -> None:
        self.path, self.problems = path, problems
        super().__init__(f"{path}: nothing imported, {len(problems)} problem{'s' * (len(problems) != 1)}")


class Taken(NamedTuple):
    """What became of a file: its rows that were taken, those that never held, and the kept rows these took out."""

    row_count: int
    never_held_count: int
    removed_count: int


def import_dimension(
    connection: duckdb.DuckDBPyConnection,
    dimension: Dimension,
    path: Path,
    timezone: str,
    allowed: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows,
) -> Taken:
    """Take one file. Raises ImportRefused, and then nothing has changed.

    `allowed` may leave rows out, those of somebody who was erased.
    """
    imported_rows, problems = _parsed(dimension, path)
    imported_rows = allowed(imported_rows)
    key = ", ".join(dimension.key)
    with transaction(connection):
        connection.sql("create or replace temp table imported as select * from imported_rows")
        table = dimension.table
        matched = " and ".join(f"imported.{name} is not distinct from kept.{name}" for name in dimension.key)
        connection.execute(f"create or replace temp table before as from {table}")
        connection.execute(f"delete from {table} as kept using imported where {matched}")
        never_held_count, removed_count = _take_out(connection, dimension, matched)
        connection.execute(f"insert into {table} by name select * exclude row_no from imported order by {key}")
        problems += _overlaps(connection, dimension)
        if problems:
            raise ImportRefused(path, sorted(problems, key=lambda found: found[0] or 0))
        _reopen_changed(connection, dimension, timezone)
        connection.execute(
            "insert into core.imports values ($dimension, $path, $row_count, now()::timestamp)",
            {"dimension": dimension.name, "path": path.name, "row_count": imported_rows.height},
        )
    return Taken(imported_rows.height - never_held_count, never_held_count, removed_count)


def read_dimension(dimension: Dimension, path: Path) -> pl.DataFrame:
    """Parse a file to typed columns, `extra` (JSON of the other columns) and `row_no`; raise ImportRefused."""
    rows, problems = _parsed(dimension, path)
    if problems:
        raise ImportRefused(path, problems)
    return rows


def _parsed(dimension: Dimension, path: Path) -> tuple[pl.DataFrame, list[tuple[int | None, str]]]:
    """The good rows of a file, and what is wrong with the others."""
    known = {column.name for column in dimension.columns}
    is_price = dimension.name == "prices"
    try:
        rows, numbers, problems = file_rows(path, known | EIA_COLUMNS if is_price else known)
    except Unreadable as error:
        raise ImportRefused(path, [(None, str(error))]) from error
    rows = as_prices(rows) if is_price else rows
    missing = [column.name for column in dimension.columns if column.is_required and column.name not in rows.columns]
    if missing:
        expected = ", ".join(column.name for column in dimension.columns)
        raise ImportRefused(path, [(None, f"missing columns: {', '.join(missing)} (expected {expected})")])
    parsed = [
        _parsed_row(dimension, row, number, problems)
        for number, row in zip(numbers, rows.iter_rows(named=True), strict=True)
    ]
    bad = {row_no for row_no, _ in problems}  # of which a part of the key may be missing
    problems += _repeated_keys(dimension, (row for row in parsed if row["row_no"] not in bad))
    problems.sort(key=lambda found: found[0] or 0)
    bad = {row_no for row_no, _ in problems}
    good = [row for row in parsed if row["row_no"] not in bad]
    names = [*(column.name for column in dimension.columns), *dimension.derived, "extra", "row_no"]
    frame = pl.DataFrame({name: pl.Series(name, [row[name] for row in good], column_type(name)) for name in names})
    return frame, problems


def _parsed_row(
    dimension: Dimension, row: dict[str, str | None], number: int, problems: list[tuple[int | None, str]]
) -> dict[str, Any]:
    parsed: dict[str, Any] = {"row_no": number}
    for column in dimension.columns:
        text = (row.get(column.name) or "").strip()
        parsed[column.name] = column.default
        if text:
            try:
                parsed[column.name] = column.parse(text)
            except (ValueError, OverflowError) as error:
                problems.append((number, f"{column.name}={_shown(text)!r}: {error}"))
        elif column.is_required:
            problems.append((number, f"{column.name}: missing"))
    for start, end in RANGES:
        if parsed.get(end) is None or parsed.get(start) is None or parsed[end] > parsed[start]:
            continue
        if parsed[end] < parsed[start] or start not in dimension.key:
            problems.append((number, f"{end}: not after {start}"))
    if refused := dimension.refusal(parsed):
        problems.append((number, refused))
    parsed |= {name: derive(parsed) for name, derive in dimension.derived.items()}
    known = {column.name for column in dimension.columns}
    keep = hidden if "tenant_id" in known else as_it_is  # what all share has no cards, and areas have long numbers
    extra = {
        name: value if name.lower() in NUMBERED else keep(value)
        for name, value in row.items()
        if name not in known and value
    }
    parsed["extra"] = json.dumps(extra) if extra else None
    return parsed


def _shown(text: str) -> str:
    text = hidden(text)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _repeated_keys(dimension: Dimension, parsed: Iterable[dict[str, Any]]) -> list[tuple[int | None, str]]:
    first_of: dict[tuple[Any, ...], int] = {}
    problems: list[tuple[int | None, str]] = []
    for row in parsed:
        key = tuple(row[name] for name in dimension.key)
        if key in first_of:
            problems.append((row["row_no"], f"same {', '.join(dimension.key)} as row {first_of[key]}"))
        first_of.setdefault(key, row["row_no"])
    return problems


def _take_out(connection: duckdb.DuckDBPyConnection, dimension: Dimension, matched: str) -> tuple[int, int]:
    """Leave rows that never held out of `imported`; return how many, and how many of before had their keys."""
    never_held = [f"imported.{start} = imported.{end}" for start, end in RANGES if start in dimension.key]
    if not never_held:
        return 0, 0
    never_held_count, removed_count = connection.execute(
        f"select count(*), count(*) filter (exists (from before as kept where {matched}))"
        f" from imported where {never_held[0]}"
    ).fetchall()[0]
    connection.execute(f"delete from imported where {never_held[0]}")
    return never_held_count, removed_count


def _overlaps(connection: duckdb.DuckDBPyConnection, dimension: Dimension) -> list[tuple[int | None, str]]:
    """Imported rows that hold at a time at which another row of the same thing does."""
    if dimension.name == "assignments":
        text = sql("work/overlapping_assignments.sql")
    elif "valid_from" in dimension.key:
        same = " and ".join(f"imported.{name} = other.{name}" for name in dimension.subject)
        both = same.replace("imported.", "earlier.")
        named = " || '/' || ".join(f"imported.{name}" for name in dimension.subject)
        text = sql("work/overlapping_ranges.sql").replace("{table}", dimension.table)
        text = text.replace("{same}", same).replace("{named}", named).replace("{both}", both)
    else:
        return []
    return [(row_no, reason) for row_no, reason in connection.execute(text).fetchall()]


def _reopen_changed(connection: duckdb.DuckDBPyConnection, dimension: Dimension, timezone: str) -> None:
    has_lake = connection.execute(
        "select count(*) from duckdb_views() where schema_name = 'staging' and view_name = 'read_positions'"
    ).fetchall()[0][0]
    if not has_lake:
        return
    if dimension.name == "retention":
        return  # it decides what goes, never what is measured
    name, table = dimension.name, dimension.table
    connection.execute(
        f"create or replace temp view differing as (from {table} except from before)"
        f" union all (from before except from {table})"
    )
    if name in DATED:
        reopen_dated(connection, DATED[name], "import")
        return
    # Prices may matter to any van. Cards matter to purchases only, and those are all judged anew before each copy.
    affected = {
        # A van that is new to the list may change the name of a device.
        "vehicles": "select tenant_id, vehicle_id from differing"
        " where (tenant_id, vehicle_id) not in (select (tenant_id, vehicle_id) from before)",
        "tenants": "select tenant_id, vehicle_id from core.vehicle_dates semi join differing using (tenant_id)",
        "depots": "select tenant_id, vehicle_id from core.assignments join differing using (tenant_id)"
        " where kind = 'depot' and id = depot_id"
        " union select tenant_id, vehicle_id from core.planned_routes semi join differing using (tenant_id, depot_id)",
        "drivers": "select tenant_id, vehicle_id from core.assignments join differing using (tenant_id)"
        " where kind = 'driver' and id = driver_id",
        "cards": "select null, null where false",
        "assignments": "select tenant_id, unnest([vehicle_id, id, 'device:' || id]) from differing",
    }.get(name, "select tenant_id, vehicle_id from core.vehicle_dates where exists (from differing)")
    connection.execute(
        f"create or replace temp table changed as select distinct * from ({affected}) as t (tenant_id, vehicle_id)"
    )
    reopen_vehicles(connection, timezone, "import")
    if name == "vehicles":
        # A van that sent nothing is counted as well, on every day on which its fleet is.
        reopen_dated(
            connection,
            "(select distinct differing.tenant_id, differing.vehicle_id, days.service_date from differing"
            f" join marts.fleet_days as days using (tenant_id) where {HELD})",
            "import",
        )
