"""How fast are rows brought into order and rid of repeats, beside other engines?

Each way is handed the six columns in the order of arrival, and gives the six columns by device and time without
repeats. A fleet of 1,000 devices sends once a second, 5 % of it up to two hours late, 1 % twice.
"""

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.bench.figures import Figure, Section, number
from flows.bench.kernels.timing import best_seconds
from kernels.arrival import rows_in_order, simple_order
from kernels.gathering import values_at
from warehouse.connection import open_database

DEVICES = 1_000
LATE_S = 7_200
FIRST_MS = 1_790_000_000_000
GOAL = 2.2
OURS, PACKED, ORDERED, WINDOW, LEXSORT = (
    "ours: dealt to devices, late rows merged",
    "polars: one packed key, sort and filter",
    "DuckDB: order by, repeats stay",
    "DuckDB: order by, window drops repeats",
    "numpy: lexsort and mask",
)
Columns = dict[str, NDArray[Any]]


def made_up_arrivals(rows: int, seed: int = 3) -> Columns:
    """Make up rows in the order of arrival."""
    random = np.random.default_rng(seed)
    seconds = max(rows // DEVICES, 1)
    second = np.repeat(np.arange(seconds, dtype=np.int64), DEVICES)
    device = np.tile(np.arange(DEVICES, dtype=np.int32), seconds)
    arrived = second + random.random(second.size) * 0.9
    late = random.random(second.size) < 0.05
    arrived[late] += random.random(np.count_nonzero(late)) * LATE_S
    twice = random.choice(second.size, second.size // 100, replace=False)
    order = np.argsort(np.concatenate([arrived, arrived[twice] + random.random(twice.size) * 60]), kind="stable")
    row = np.concatenate([np.arange(second.size), twice])[order]
    return {
        "device": device[row],
        "fix_ms": FIRST_MS + second[row] * 1_000,
        "latitude_e7": (520_000_000 + row % 9_999_991).astype(np.int32),
        "longitude_e7": (130_000_000 + row % 9_999_973).astype(np.int32),
        "speed_kmh": (row % 89).astype(np.float32),
        "engine": (row % 2).astype(np.int8),
    }


def arrival_section(rows: int, threads: int) -> tuple[Section, bool]:
    """Compare, and say whether all of them gave the same rows."""
    columns = made_up_arrivals(rows)
    ways = _ways(columns, threads)
    expected = ways[OURS]()
    same = all(
        np.array_equal(expected[column], np.asarray(result[column]))
        for result in (_columns_of(ways[name]()) for name in (PACKED, WINDOW, LEXSORT))
        for column in columns
    )
    seconds = best_seconds(ways, 3)
    count = columns["device"].size
    rates = {name: count / spent_s / 1e6 for name, spent_s in seconds.items()}
    goals = {PACKED: GOAL, ORDERED: GOAL, WINDOW: GOAL, LEXSORT: None}
    figures = []
    for name, goal in goals.items():
        beside = f"{name}, {number(rates[name])} M rows/s"
        figures.append(Figure(OURS, rates[OURS], "M rows/s", beside, rates[OURS] / rates[name], goal))
    title = f"Rows in order, repeats dropped: {count / 1e6:.1f} M rows, {_threads(threads)}"
    return Section(title, figures), same


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _ways(columns: Columns, threads: int) -> dict[str, Callable[[], Any]]:
    frame = pl.DataFrame(columns)
    connection = open_database()
    connection.execute(f"set threads = {threads}")
    connection.register("given", frame.to_arrow())
    connection.execute("create table arrived as select * from given")
    return {
        OURS: lambda: _ours(columns),
        PACKED: lambda: _packed(frame),
        ORDERED: lambda: _in_duckdb(connection, "select * from arrived order by device, fix_ms"),
        WINDOW: lambda: _in_duckdb(
            connection,
            "select * from arrived qualify lag(fix_ms) over (partition by device order by fix_ms)"
            " is distinct from fix_ms order by device, fix_ms",
        ),
        LEXSORT: lambda: _lexsorted(columns),
    }


def _ours(columns: Columns) -> Columns:
    order = rows_in_order(columns["device"], columns["fix_ms"], DEVICES)
    kept = order.row[~order.is_repeat]
    return {name: values_at(column, kept) for name, column in columns.items()}


def _lexsorted(columns: Columns) -> Columns:
    order = simple_order(columns["device"], columns["fix_ms"], DEVICES)
    kept = order.row[~order.is_repeat]
    return {name: column[kept] for name, column in columns.items()}


def _packed(frame: pl.DataFrame) -> pl.DataFrame:
    key = pl.col("device").cast(pl.Int64) * (1 << 42) + pl.col("fix_ms")
    ordered = frame.with_columns(key=key).sort("key")
    return ordered.filter(pl.col("key") != pl.col("key").shift(1, fill_value=-1))


def _in_duckdb(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    return connection.execute(f"create or replace table ordered as {sql}")


def _columns_of(result: Any) -> Any:
    """Columns by name; those of a table of DuckDB's are fetched, which is not timed."""
    if isinstance(result, duckdb.DuckDBPyConnection):
        return result.execute("select * from ordered").fetchnumpy()
    return result
