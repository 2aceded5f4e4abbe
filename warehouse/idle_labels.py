"""Which run, stretch and stand is each row of a day's ledger part of? What windows in `sql/idling/` say of sorted rows.

Sorted by van and time, a label is a count of beginnings, and windows over a day of a network take twenty times as long
as counting. Most units are one row long, and then they are that row: only others are added up by SQL.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Truths = NDArray[np.bool_]


class Rows(NamedTuple):
    """Columns of the ledger, sorted by van, begin and end."""

    van_no: Ints
    is_idle: Truths
    is_standing: Truths
    is_continued: Truths
    is_pto: Truths
    duration_us: Ints


def idle_labels(rows: Rows) -> pl.DataFrame:
    """The labels of each row, 0 where it is not of such a unit; `is_stretch` and `is_stand`: it is all of one."""
    found = {name: np.zeros(rows.van_no.size, np.int64) for name in ("stretch_no", "run_no", "run_us", "stand_no")}
    is_stretch, is_stand = np.zeros((2, rows.van_no.size), np.bool_)

    idle = np.flatnonzero(rows.is_idle)
    van, pto = rows.van_no[idle], rows.is_pto[idle]
    is_first = _changes(van)
    begins_stretch = ~rows.is_continued[idle]
    begins_run = begins_stretch | (~is_first & _changes(pto))
    found["stretch_no"][idle] = _counted(begins_stretch, is_first)
    found["run_no"][idle] = _counted(begins_run, is_first)
    run = _groups(begins_run | is_first)
    found["run_us"][idle] = _sums(rows.duration_us[idle], run)[run]
    stretch = _groups(begins_stretch | is_first)
    is_stretch[idle] = np.bincount(stretch)[stretch] == 1 if idle.size else False

    standing = np.flatnonzero(rows.is_standing)
    stand_no = _counted(~rows.is_standing, _changes(rows.van_no))[standing]
    found["stand_no"][standing] = stand_no
    stand = _groups(_changes(rows.van_no[standing]) | _changes(stand_no))
    is_stand[standing] = np.bincount(stand)[stand] == 1 if standing.size else False
    return pl.DataFrame({**found, "is_stretch": is_stretch, "is_stand": is_stand})


def _changes(values: NDArray[np.generic]) -> Truths:
    """Which values are not the one before; the first is not."""
    found = np.ones(values.size, np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


def _groups(begins: Truths) -> Ints:
    """The number of the group of each row; the first row begins one."""
    return np.cumsum(begins) - 1


def _counted(truth: Truths, is_first: Truths) -> Ints:
    """How many are true of the rows of a van up to each row."""
    count = np.cumsum(truth)
    before: Ints = (count - truth)[is_first]
    result: Ints = count - before[_groups(is_first)]
    return result


def _sums(values: Ints, group: Ints) -> Ints:
    starts = np.flatnonzero(_changes(group))
    return np.add.reduceat(values, starts) if values.size else values
