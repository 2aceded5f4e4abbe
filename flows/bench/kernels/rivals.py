"""How do others ask what `kernels.totals` answers: time in each state, metres driven and idle events of every van?

Each rival is handed the columns in its own form beforehand and asked for the same answer; the days are clean (every
speed sent, no two rows at one instant). The polars, DuckDB and pandas forms are the fastest we found: the window is
the whole sorted column where the engine allows it, and only the ends of vans are masked.
"""

import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numba
import numpy as np
import polars as pl

from kernels.geometry import EARTH_RADIUS_M
from kernels.states import DRIVE, IDLE, NO_STATE, OFF, STATE_NAMES, UNKNOWN
from kernels.totals import Positions, Totals
from warehouse.connection import open_database

STOP_KMH, MOVE_KMH = 3.0, 5.0
GAP_US, IDLE_US = 300_000_000, 120_000_000
DEGREES_PER_E7 = 1e-7
# Of `Any` type: numba has no annotations for what it compiles.
compiled: Any = numba.njit(parallel=True, nogil=True, cache=True)
compiled_part: Any = numba.njit(nogil=True)
SECONDS_COLUMNS = [f"{name}_us" for name in STATE_NAMES]
COLUMNS = ["drive_m", "idle_event_count", "idle_event_us"]


class Rival(NamedTuple):
    """Somebody who is asked.

    goal         how many times faster we mean to be; None where we have not said
    most_points  it is not asked about more
    ready        brings the columns into its form, and returns what asks it
    """

    name: str
    goal: float | None
    most_points: int
    ready: Callable[[Positions, int], Callable[[], Totals]]


def rivals() -> list[Rival]:
    """Return those that are installed."""
    found = [
        Rival("one pass with haversine, numba", 20, 100_000_000, haversine_loop),
        Rival("the same, haversine in drives only", None, 100_000_000, drives_loop),
        Rival("polars expressions", 40, 100_000_000, polars_shifts),
        Rival("polars expressions, .over", 40, 20_000_000, polars_over),
        Rival("DuckDB window SQL", 150, 20_000_000, duckdb_windows),
    ]
    return [*found, Rival("pandas", 300, 5_000_000, pandas_shifts)] if find_spec("pandas") else found


def degrees(positions: Positions) -> dict[str, Any]:
    """The columns as others keep them."""
    van = np.repeat(np.arange(positions.starts.size - 1, dtype=np.int32), np.diff(positions.starts))
    return {
        "van": van,
        "time_us": positions.time_us,
        "latitude": positions.latitude_e7 * DEGREES_PER_E7,
        "longitude": positions.longitude_e7 * DEGREES_PER_E7,
        "speed_kmh": positions.speed_kmh,
        "engine": positions.engine,
    }


def haversine_loop(positions: Positions, threads: int) -> Callable[[], Totals]:
    """The loop that anybody would write first: from each row to the next, its seconds and metres to its state."""
    return _looping(positions, threads, every_hop=True)


def drives_loop(positions: Positions, threads: int) -> Callable[[], Totals]:
    """The loop of those who think first: only a van that drives has metres that are asked for."""
    return _looping(positions, threads, every_hop=False)


def _looping(positions: Positions, threads: int, *, every_hop: bool) -> Callable[[], Totals]:
    columns = degrees(positions)
    given = [columns[name] for name in ("time_us", "latitude", "longitude", "speed_kmh", "engine")]
    shape = (positions.starts.size - 1, len(STATE_NAMES))

    def ask() -> Totals:
        spent_us, hops_m = np.zeros(shape, np.int64), np.zeros(shape)
        count, duration_us = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64)
        numba.set_num_threads(threads)
        _one_pass(positions.starts, *given, every_hop, spent_us, hops_m, count, duration_us)
        return Totals(spent_us, hops_m[:, DRIVE], count, duration_us)

    return ask


def polars_shifts(positions: Positions, threads: int) -> Callable[[], Totals]:
    """Windows over the whole sorted column."""
    frame = pl.DataFrame(degrees(positions))
    return lambda: _asked_of_polars(frame, lambda expression: expression)


def polars_over(positions: Positions, threads: int) -> Callable[[], Totals]:
    """Windows of each van, as the manual has it."""
    frame = pl.DataFrame(degrees(positions))
    return lambda: _asked_of_polars(frame, lambda expression: expression.over("van"))


def duckdb_windows(positions: Positions, threads: int) -> Callable[[], Totals]:
    """Window functions of each van, over a table of its own."""
    from importlib.resources import files

    sql = (files("flows.bench.kernels") / "state_totals.sql").read_text()
    limits = {"stop_kmh": STOP_KMH, "move_kmh": MOVE_KMH, "gap_us": GAP_US, "idle_us": IDLE_US}
    given = {**limits, "radius_m": EARTH_RADIUS_M}
    connection = open_database()
    connection.execute(f"set threads = {threads}")
    connection.register("columns_given", pl.DataFrame(degrees(positions)).to_arrow())
    connection.execute("create table points as select * from columns_given")
    return lambda: _totals_of(pl.DataFrame(connection.execute(sql, given).fetchnumpy()))


def pandas_shifts(positions: Positions, threads: int) -> Callable[[], Totals]:
    """Windows over the whole sorted column, and grouped where that would not be right."""
    import pandas

    frame = pandas.DataFrame(degrees(positions))
    return lambda: _asked_of_pandas(frame)


@compiled
def _one_pass(  # type: ignore[no-untyped-def]
    starts,
    time_us,
    latitude,
    longitude,
    speed_kmh,
    engine,
    every_hop,
    spent_us,
    hops_m,
    idle_event_count,
    idle_event_us,
):
    for van in numba.prange(starts.size - 1):
        last = starts[van + 1] - 1
        state, idling_us = NO_STATE, 0
        for row in range(starts[van], last):
            step_us = time_us[row + 1] - time_us[row]
            moves = speed_kmh[row] > STOP_KMH if state != IDLE else speed_kmh[row] >= MOVE_KMH
            if engine[row] == 0:
                state = OFF
            elif step_us > GAP_US:
                state = UNKNOWN
            else:
                state = DRIVE if moves else IDLE
            spent_us[van, state] += step_us
            if every_hop or state == DRIVE:
                hops_m[van, state] += _haversine_m(latitude[row], longitude[row], latitude[row + 1], longitude[row + 1])
            if state == IDLE:
                idling_us += step_us
            elif idling_us > 0:
                if idling_us >= IDLE_US:
                    idle_event_count[van] += 1
                    idle_event_us[van] += idling_us
                idling_us = 0
        if idling_us >= IDLE_US:
            idle_event_count[van] += 1
            idle_event_us[van] += idling_us


@compiled_part
def _haversine_m(latitude_a, longitude_a, latitude_b, longitude_b):  # type: ignore[no-untyped-def]
    rise, run = math.radians(latitude_b - latitude_a), math.radians(longitude_b - longitude_a)
    cosines = math.cos(math.radians(latitude_a)) * math.cos(math.radians(latitude_b))
    chord = math.sin(rise / 2) ** 2 + cosines * math.sin(run / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(chord))


def _asked_of_polars(frame: pl.DataFrame, each: Callable[[pl.Expr], pl.Expr]) -> Totals:
    speed_kmh, engine, van = pl.col("speed_kmh"), pl.col("engine"), pl.col("van")
    is_last = van != van.shift(-1, fill_value=-1)
    step_us = each(pl.col("time_us").shift(-1)) - pl.col("time_us")
    is_break = (engine == 0) | (pl.col("step_us") > GAP_US)
    # Between the thresholds motion stays what it was; after a break, and at the start, it is moving.
    sure = pl.when(is_break | (speed_kmh >= MOVE_KMH)).then(True).when(speed_kmh <= STOP_KMH).then(False)
    begins = (van != van.shift(1, fill_value=-1)) & (speed_kmh > STOP_KMH)
    state = (
        pl.when(engine == 0)
        .then(int(OFF))
        .when(pl.col("step_us") > GAP_US)
        .then(int(UNKNOWN))
        .when(pl.col("moves"))
        .then(int(DRIVE))
        .otherwise(int(IDLE))
    )
    hop_m = _polars_haversine_m(
        pl.col("latitude"), pl.col("longitude"), each(pl.col("latitude").shift(-1)), each(pl.col("longitude").shift(-1))
    )
    lazy = frame.lazy().with_columns(step_us=pl.when(is_last).then(None).otherwise(step_us))
    lazy = lazy.with_columns(moves=each(pl.when(begins).then(True).otherwise(sure).forward_fill()))
    lazy = lazy.with_columns(state=state.cast(pl.Int8))
    changes = (pl.col("state") != pl.col("state").shift(1)) | (van != van.shift(1))
    lazy = lazy.with_columns(
        run=changes.fill_null(True).cum_sum(),
        hop_m=pl.when((pl.col("state") == int(DRIVE)) & pl.col("step_us").is_not_null()).then(hop_m).otherwise(0.0),
    )
    runs = lazy.group_by("run").agg(
        van.first(), pl.col("state").first(), us=pl.col("step_us").sum(), drive_m=pl.col("hop_m").sum()
    )
    is_event = (pl.col("state") == int(IDLE)) & (pl.col("us") >= IDLE_US)
    totals = runs.group_by("van").agg(
        *(pl.col("us").filter(pl.col("state") == code).sum().alias(name) for code, name in enumerate(SECONDS_COLUMNS)),
        drive_m=pl.col("drive_m").sum(),
        idle_event_count=is_event.sum(),
        idle_event_us=pl.col("us").filter(is_event).sum(),
    )
    return _totals_of(totals.sort("van").collect())


def _polars_haversine_m(
    latitude_a: pl.Expr, longitude_a: pl.Expr, latitude_b: pl.Expr, longitude_b: pl.Expr
) -> pl.Expr:
    rise, run = (latitude_b - latitude_a).radians(), (longitude_b - longitude_a).radians()
    half_rise, half_run = (rise / 2).sin(), (run / 2).sin()
    cosines = latitude_a.radians().cos() * latitude_b.radians().cos()
    return 2 * EARTH_RADIUS_M * (half_rise * half_rise + cosines * half_run * half_run).sqrt().arcsin()


def _totals_of(frame: pl.DataFrame) -> Totals:
    """One row for each van, in order."""
    spent_us = np.stack([frame[name].fill_null(0).cast(pl.Int64).to_numpy() for name in SECONDS_COLUMNS], axis=1)
    drive_m, count, duration_us = (frame[name].fill_null(0).to_numpy() for name in COLUMNS)
    return Totals(spent_us, drive_m, count.astype(np.int64), duration_us.astype(np.int64))


def _asked_of_pandas(frame: Any) -> Totals:
    import pandas

    van, time_us, speed_kmh = frame["van"].to_numpy(), frame["time_us"].to_numpy(), frame["speed_kmh"].to_numpy()
    is_first = np.append(True, van[1:] != van[:-1])
    is_last = np.append(is_first[1:], True)
    step_us = np.where(is_last, 0, np.append(time_us[1:], 0) - time_us)
    is_off, is_gap = frame["engine"].to_numpy() == 0, step_us > GAP_US
    moves = np.where(is_off | is_gap | (speed_kmh >= MOVE_KMH), 1.0, np.where(speed_kmh <= STOP_KMH, 0.0, np.nan))
    moves = np.where(is_first & np.isnan(moves), 1.0, moves)
    moving = pandas.Series(moves).ffill().to_numpy() == 1
    state = np.where(is_off, OFF, np.where(is_gap, UNKNOWN, np.where(moving, DRIVE, IDLE)))
    latitude, longitude = np.radians(frame["latitude"].to_numpy()), np.radians(frame["longitude"].to_numpy())
    half_rise, half_run = np.sin(np.diff(latitude) / 2), np.sin(np.diff(longitude) / 2)
    chord = half_rise**2 + np.cos(latitude[:-1]) * np.cos(latitude[1:]) * half_run**2
    hop_m = np.append(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chord)), 0)
    changes = is_first.copy()
    changes[1:] |= state[1:] != state[:-1]
    driven_m = np.where(is_last | (state != DRIVE), 0, hop_m)
    rows = pandas.DataFrame({"run": np.cumsum(changes), "van": van, "state": state, "us": step_us, "drive_m": driven_m})
    found = rows.groupby("run", sort=False).agg(
        van=("van", "first"), state=("state", "first"), us=("us", "sum"), drive_m=("drive_m", "sum")
    )
    for code, name in enumerate(SECONDS_COLUMNS):
        found[name] = np.where(found["state"] == code, found["us"], 0)
    is_event = (found["state"] == IDLE) & (found["us"] >= IDLE_US)
    found["idle_event_count"], found["idle_event_us"] = is_event.astype(np.int64), np.where(is_event, found["us"], 0)
    summed = found.groupby("van")[[*SECONDS_COLUMNS, *COLUMNS]].sum()
    return _totals_of(pl.DataFrame({name: summed[name].to_numpy() for name in summed.columns}))
