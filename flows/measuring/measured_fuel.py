"""Arrays to tables: what did each van burn, and where was it filled up?"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.measuring.measure import Measured
from flows.measuring.planned import GROUP_TYPES, Ints
from flows.measuring.tracks import Day
from kernels.ledger import Ledger
from kernels.states import IDLE


def fuel_columns(day: Day, measured: Measured) -> list[pl.Series]:
    """The fuel of each vehicle-date as columns of `core.vehicle_dates`."""
    levels, fuel = measured.levels, day.fuel
    has_gauge = levels.first_row >= 0
    counted_us, counted_ml = _counted_idle(day, measured)
    cannot = pl.Series(np.isnan(fuel.step[day.track.starts[:-1]]))
    return [
        pl.Series("fuel_used_l", fuel.in_all).fill_nan(None),
        pl.Series("fuel_sigma_l", fuel.sigma).fill_nan(None),
        pl.Series("fuel_distance_m", measured.by_group.fuel_m).fill_nan(None),
        pl.Series("counted_idle_us", counted_us, pl.Int64).set(cannot, None),
        pl.Series("counted_idle_l", counted_ml / 1000, pl.Float64).set(cannot, None),
        pl.Series("level_first_pct", levels.first_pct).fill_nan(None),
        pl.Series("level_last_pct", levels.last_pct).fill_nan(None),
        pl.Series("level_last_utc", day.track.time_us[levels.last_row])
        .cast(pl.Datetime("us"))
        .set(pl.Series(~has_gauge), None),
        pl.Series("level_used_pct", levels.used_pct).fill_nan(None),
        pl.Series("level_sigma_pct", levels.sigma_pct).fill_nan(None),
        pl.Series("level_distance_m", measured.by_group.level_m).fill_nan(None),
        pl.Series("refuel_count", np.bincount(measured.refuels.group, minlength=has_gauge.size), pl.Int64).set(
            pl.Series(~has_gauge), None
        ),
    ]


def refuel_rows(day: Day, measured: Measured) -> pl.DataFrame:
    """The rows of `core.refuels`."""
    refuels, track = measured.refuels, day.track
    stand = refuels.stand_row
    placed = measured.placed[stand]
    names = pl.DataFrame(day.names, schema=GROUP_TYPES, orient="row")
    litres = (refuels.to_pct - refuels.from_pct) / 100 * day.tank_l[refuels.group]
    return names.select(pl.all().gather(pl.Series(refuels.group, dtype=pl.Int64))).with_columns(
        pl.Series("started_utc", track.time_us[refuels.first_row]).cast(pl.Datetime("us")),
        pl.Series("ended_utc", track.time_us[refuels.end_row]).cast(pl.Datetime("us")),
        pl.Series("from_pct", refuels.from_pct),
        pl.Series("to_pct", refuels.to_pct),
        pl.Series("litres", litres).fill_nan(None),
        pl.Series("latitude", np.where(placed, track.latitude_e7[stand] / 1e7, np.nan)).fill_nan(None),
        pl.Series("longitude", np.where(placed, track.longitude_e7[stand] / 1e7, np.nan)).fill_nan(None),
    )


def used_in_runs(step: NDArray[np.float64], runs: Ledger) -> NDArray[np.float64]:
    """What a counter moved in each run; NaN where it cannot tell intervals apart.

    Counters come in whole thousandths, so their sums are taken in whole numbers: the same whichever vans share a chunk.
    """
    is_silent = np.isnan(step[runs.first_row])
    if is_silent.all():
        return np.full(is_silent.size, np.nan)
    return np.where(is_silent, np.nan, _between(np.nan_to_num(step), runs.first_row, runs.end_row) / 1000)


def _counted_idle(day: Day, measured: Measured) -> tuple[Ints, Ints]:
    """Microseconds and millilitres of idle runs, power take-off off, of each group; those of the ledger."""
    runs, size = measured.ledger, len(day.names)
    idle = (runs.state == IDLE) & ~runs.pto
    group = runs.group[idle]
    spent_us, burnt_ml = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(spent_us, group, runs.duration_us[idle])
    if not np.isnan(day.fuel.step[day.track.starts[:-1]]).all():
        np.add.at(burnt_ml, group, _between(np.nan_to_num(day.fuel.step), runs.first_row[idle], runs.end_row[idle]))
    return spent_us, burnt_ml


def _between(step: NDArray[np.float64], first_row: Ints, end_row: Ints) -> Ints:
    """Sums over the rows from the first to before the last, in whole thousandths, so that they are exact."""
    so_far = np.concatenate([[0], np.rint(step * 1000).astype(np.int64).cumsum()])
    result: Ints = so_far[end_row] - so_far[first_row]
    return result
