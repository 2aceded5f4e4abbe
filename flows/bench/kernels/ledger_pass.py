"""How fast is the full ledger pass, beside the rate at which its columns are read and beside DuckDB asked for the runs?

The pass is `measure` of `flows.measuring`, all of it: states, metres, stands and what they were for, phases, runs,
sums. The read is a sum over the five columns that every point has, 21 bytes. DuckDB answers a part of the question
only: the runs of states with their durations and metres, by window functions; its answer is compared with ours.
"""

from datetime import date
from importlib.resources import files
from time import perf_counter
from typing import Any

import numba
import numpy as np
import polars as pl

from flows.bench.figures import Figure, Section
from flows.bench.kernels.fleet import Fleet, made_up_fleet
from flows.measuring.areas import NamedAreas
from flows.measuring.measure import Measured, measure
from flows.measuring.meters import Counter, not_sent
from flows.measuring.planned import Depots, PlannedStops, Routes
from flows.measuring.tracks import Day
from flows.settings import Settings
from kernels.compiled import njit
from kernels.polygons import Areas
from kernels.states import STATE_NAMES
from kernels.track import Limits, Track
from warehouse.connection import open_database

READ_SHARE, DUCKDB_TIMES = 0.1, 25.0
DAY = date(2026, 9, 14)
DEPOT_RADIUS_M = 150.0
STATIONS = pl.DataFrame({"latitude": np.linspace(52.1, 52.5, 50), "longitude": np.linspace(12.9, 13.3, 50)})
ROUNDING_M = 1e-6  # relative


def full_ledger(van_count: int, *, repeats: int = 7, with_duckdb: bool = True) -> Section:
    """Time the pass over a made-up fleet on one thread and on two, in turns with the read of its columns."""
    fleet = made_up_fleet(van_count)
    day = day_of_fleet(fleet)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    threads = sorted({1, min(2, numba.get_num_threads())})
    found = {count: _run(day, settings, count) for count in threads}
    if any(not _same(found[1], other) for other in found.values()):
        raise AssertionError("one thread and two do not agree")
    seconds = {(what, count): np.inf for what in ("pass", "read") for count in threads}
    for _ in range(repeats):
        for count in threads:
            began_s = perf_counter()
            _run(day, settings, count)
            seconds["pass", count] = min(seconds["pass", count], perf_counter() - began_s)
            began_s = perf_counter()
            _read(fleet, count)
            seconds["read", count] = min(seconds["read", count], perf_counter() - began_s)
    size = fleet.time_us.size
    figures = [
        Figure(
            f"full ledger, {size / 1e6:.0f} M points, {count} thread{'s' if count > 1 else ''}",
            size / seconds["pass", count] / 1e6,
            "M points/s",
            f"reading the columns on {count}",
            seconds["read", count] / seconds["pass", count],
            READ_SHARE if count == threads[-1] else None,
        )
        for count in threads
    ]
    notes = [f"{found[1].ledger.group.size} runs and {found[1].stops.group.size} stands of {van_count} vans."]
    if with_duckdb:
        rows, duckdb_s = _by_duckdb(fleet, settings, threads[-1])
        _compare(rows, found[1])
        figures.append(
            Figure(
                "the same runs of states",
                size / duckdb_s / 1e6,
                "M points/s",
                f"DuckDB window functions on {threads[-1]}",
                duckdb_s / seconds["pass", threads[-1]],
                DUCKDB_TIMES,
            )
        )
        notes.append("Runs and time of each state are equal; metres to a millionth.")
    return Section("Full ledger pass", figures, notes)


def day_of_fleet(fleet: Fleet) -> Day:
    """Lay a fleet out as a day: every second stand was planned, and the depot is where the day began."""
    size, van_count = fleet.time_us.size, fleet.starts.size - 1
    first = fleet.starts[:-1]
    moving = fleet.speed_kmh > 3
    stands = np.flatnonzero(moving[:-1] & ~moving[1:])[::2] + 1
    vans = np.arange(van_count)
    planned_starts = np.searchsorted(stands, fleet.starts).astype(np.int64)
    planned_van = np.repeat(vans, np.diff(planned_starts))
    nothing = Counter(
        not_sent(size),
        np.full(van_count, np.nan),
        np.full(van_count, np.nan),
        np.full(van_count, -1),
        np.full(van_count, -1),
    )
    return Day(
        names=[("bench", DAY, f"van-{van:06d}") for van in vans],
        track=Track(
            fleet.starts,
            fleet.time_us,
            fleet.latitude_e7,
            fleet.longitude_e7,
            fleet.placed,
            fleet.speed_kmh,
            fleet.engine,
            not_sent(size),
        ),
        limits=Limits(
            np.full(van_count, 300_000_000, np.int64), np.full(van_count, 3, np.float32), np.zeros(van_count, np.bool_)
        ),
        has_can=np.zeros(van_count, np.bool_),
        several_devices=np.zeros(van_count, np.bool_),
        devices_apart=np.zeros(van_count, np.bool_),
        median_interval_s=np.ones(van_count),
        fuel=nothing,
        energy=nothing,
        level_pct=not_sent(size, np.float32),
        tank_l=np.full(van_count, np.nan),
        depots=Depots(
            fleet.latitude_e7[first], fleet.longitude_e7[first], np.full(van_count, DEPOT_RADIUS_M, np.float32)
        ),
        routes=Routes(vans, [f"route-{van:06d}" for van in vans], first.copy(), fleet.starts[1:].copy()),
        planned=PlannedStops(
            planned_starts,
            fleet.latitude_e7[stands],
            fleet.longitude_e7[stands],
            np.arange(stands.size) - planned_starts[planned_van],
            planned_van,
        ),
        message_route=pl.Series([None], dtype=pl.String).new_from_index(0, size),
        pto=np.zeros(size, np.bool_),
        has_fix=fleet.placed,
        is_exact=fleet.placed,
    )


def one_area() -> NamedAreas:
    """A jurisdiction over the north of the made-up vans."""
    north_e7 = np.array([525_000_000, 526_000_000, 526_000_000, 525_000_000, 525_000_000], np.int32)
    east_e7 = np.array([130_000_000, 130_000_000, 132_000_000, 132_000_000, 130_000_000], np.int32)
    one = np.array([0, 1])
    return NamedAreas(
        ["north"], Areas(one, one, np.array([0, 5]), north_e7, east_e7, np.zeros(5, np.bool_), np.zeros(1))
    )


def _run(day: Day, settings: Settings, threads: int) -> Measured:
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        return measure(day, STATIONS, one_area(), settings)
    finally:
        numba.set_num_threads(before)


def _same(some: Measured, other: Measured) -> bool:
    columns: list[tuple[Any, Any]] = [
        *zip(some.ledger, other.ledger, strict=True),
        *zip(some.stops, other.stops, strict=True),
        *zip(some.by_group[:8], other.by_group[:8], strict=True),
    ]
    return all(np.array_equal(ours, others) for ours, others in columns)


def _read(fleet: Fleet, threads: int) -> None:
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        _sum_of_columns(*(column for column in fleet[1:6]), np.zeros(fleet.time_us.size // READ_ROWS + 1, np.int64))
    finally:
        numba.set_num_threads(before)


READ_ROWS = 65_536


def _sum_up(time_us: Any, latitude_e7: Any, longitude_e7: Any, speed_kmh: Any, engine: Any, sums: Any) -> None:
    for block in numba.prange(sums.size):
        first: Any = np.uintp(block * READ_ROWS)
        end: Any = min(np.uintp((block + 1) * READ_ROWS), np.uintp(time_us.size))
        found: Any = np.int64(0)
        fast: Any = np.int32(0)
        for row in range(first, end):
            found += time_us[row]
        for row in range(first, end):
            found += latitude_e7[row]
        for row in range(first, end):
            found += longitude_e7[row]
        for row in range(first, end):
            fast = np.int32(fast + np.int32(speed_kmh[row] > np.float32(3)))
        for row in range(first, end):
            found += engine[row]
        sums[block] = found + fast


_sum_of_columns = njit(nogil=True, parallel=True)(_sum_up)


def _by_duckdb(fleet: Fleet, settings: Settings, threads: int) -> tuple[pl.DataFrame, float]:
    """Runs of states with duration and metres, in the order of vans and time, and the seconds it took to find them."""
    points = pl.DataFrame(
        {
            "van": np.repeat(np.arange(fleet.starts.size - 1, dtype=np.int32), np.diff(fleet.starts)),
            "time_us": fleet.time_us,
            "latitude": fleet.latitude_e7 / 1e7,
            "longitude": fleet.longitude_e7 / 1e7,
            "speed_kmh": fleet.speed_kmh,
            "engine": fleet.engine,
        }
    )
    query = files("flows.bench.kernels").joinpath("state_runs.sql").read_text()
    given = {"stop_kmh": settings.stop_kmh, "move_kmh": settings.move_kmh, "gap_us": 300_000_000}
    with open_database() as connection:
        connection.execute(f"set threads = {threads}")
        connection.register("made_up", points)
        connection.execute("create table points as select * from made_up")
        began_s = perf_counter()
        rows: pl.DataFrame = connection.sql(query, params=given).pl()
        return rows, perf_counter() - began_s


def _compare(rows: pl.DataFrame, found: Measured) -> None:
    runs = found.ledger
    ours = pl.DataFrame(
        {
            "state": pl.Series(STATE_NAMES).gather(pl.Series(runs.state, dtype=pl.Int64)),
            "run": (~runs.continues).cumsum(),
            "duration_us": runs.duration_us,
            "distance_m": runs.distance_m,
        }
    )
    totals = pl.col("run").n_unique().alias("runs"), pl.col("duration_us").sum(), pl.col("distance_m").sum()
    mine = ours.group_by("state").agg(*totals).sort("state")
    theirs = rows.with_row_index("run").group_by("state").agg(*totals).sort("state")
    for name in ("state", "runs", "duration_us"):
        if mine[name].to_list() != theirs[name].to_list():
            raise AssertionError(f"DuckDB finds other runs: {mine} {theirs}")
    if not np.allclose(mine["distance_m"], theirs["distance_m"], rtol=ROUNDING_M):
        raise AssertionError(f"DuckDB finds other metres: {mine} {theirs}")
