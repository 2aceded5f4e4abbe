"""Columns to arrays: what do the meters of a van say, the counters and the fuel gauge?"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

DENSE_SHARE = 0.8  # of the fixes of a van must carry a counter before it can tell idle from driving
MILLION = 1_000_000  # shared arrays come in multiples of that many rows
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Counter(NamedTuple):
    """What a cumulative counter moved. NaN where it does not say.

    step       float64 (n_rows,)    in each interval, from a counter that most fixes carry
    in_all     float64 (n_groups,)  from its first reading to its last
    sigma      float64 (n_groups,)  standard error of that: a counter moves in steps, the smallest seen is its step
    first_row  int64 (n_groups,)    its first reading; -1 with fewer than two
    last_row   int64 (n_groups,)    its last
    """

    step: Floats
    in_all: Floats
    sigma: Floats
    first_row: Ints
    last_row: Ints


class Reading(NamedTuple):
    """A counter in thousandths, int64 (n_rows,), 0 where `has_reading` says that there is none."""

    thousandths: Ints
    has_reading: NDArray[np.bool_]


def reading_of(column: pl.Series) -> Reading | None:
    """The readings of a counter; None without any."""
    if column.null_count() == column.len():
        return None
    return Reading(column.fill_null(0).to_numpy().astype(np.int64), column.is_not_null().to_numpy())


def not_sent(row_count: int, dtype: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
    """NaN for each row. Nobody writes to it: all callers share one array."""
    shared = _shared.get(np.dtype(dtype).name)
    if shared is None or shared.size < row_count:
        shared = np.full(-(-row_count // MILLION) * MILLION, np.nan, dtype)
        shared.flags.writeable = False
        _shared[np.dtype(dtype).name] = shared
    return shared[:row_count]


def may_be_sent(column: NDArray[Any]) -> bool:
    """Whether a column is anything but what `not_sent` shares: nobody need look at its rows."""
    return column.base is None or column.base is not _shared.get(column.dtype.name)


_shared: dict[str, NDArray[Any]] = {}  # by type


def counter(reading: Reading | None, starts: Ints) -> Counter:
    """Litres or kWh from a counter of thousandths.

    What was used between two readings goes to the interval that reaches the later one, so it tells one state from
    another only where most fixes carry a reading; elsewhere only the sum is known. A reset uses nothing.
    """
    if reading is None:
        none = np.full(starts.size - 1, -1, np.int64)
        unknown = np.full(starts.size - 1, np.nan)
        return Counter(not_sent(int(starts[-1])), unknown, unknown, none, none)
    thousandths, has_reading = reading
    row = np.arange(thousandths.size)
    group = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    latest = np.maximum.accumulate(np.where(has_reading, row, -1))
    is_known = latest >= starts[group]
    step = np.zeros(thousandths.size, dtype=np.int64)
    if thousandths.size > 1:
        moved = thousandths[latest[1:]] - thousandths[latest[:-1]]
        step[:-1] = np.where(is_known[:-1] & (group[1:] == group[:-1]), np.maximum(moved, 0), 0)
    so_far = np.concatenate([[0], step.cumsum()])
    count = np.bincount(group[has_reading], minlength=starts.size - 1)
    knows = count >= 2
    smallest = np.full(starts.size - 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group[step > 0], step[step > 0])
    smallest = np.where(smallest == np.iinfo(np.int64).max, 0, smallest)
    dense = count >= np.maximum(2, DENSE_SHARE * np.diff(starts))
    first_row = np.full(starts.size - 1, -1)
    with_reading = np.flatnonzero(has_reading)
    first_row[group[with_reading[::-1]]] = with_reading[::-1]
    return Counter(
        step=np.where(np.repeat(dense, np.diff(starts)), step / 1000, np.nan),
        in_all=np.where(knows, (so_far[starts[1:]] - so_far[starts[:-1]]) / 1000, np.nan),
        sigma=np.where(knows, smallest / 1000 / np.sqrt(6), np.nan),
        first_row=np.where(knows, first_row, -1),
        last_row=np.where(knows, latest[starts[1:] - 1], -1),
    )


def level_pct(
    pct_hundredths: Floats | None, tank_ml: Floats | None, starts: Ints, tank_l: Floats
) -> NDArray[np.float32]:
    """The fuel gauge in percent of the tank, float32 (n_rows,), NaN without: as sent, else from litres and the tank."""
    if pct_hundredths is None and tank_ml is None:
        return not_sent(int(starts[-1]), np.float32)
    pct = (not_sent(int(starts[-1])) if pct_hundredths is None else pct_hundredths) / 100
    litres = (not_sent(int(starts[-1])) if tank_ml is None else tank_ml) / 1000
    in_tank = np.repeat(np.where(tank_l > 0, tank_l, np.nan), np.diff(starts))
    result: NDArray[np.float32] = np.where(np.isnan(pct), litres / in_tank * 100, pct).astype(np.float32)
    return result
