"""Which maximal stretches of one label are there, which of them are idle runs, which idle events?

A run covers the intervals of rows first_row..end_row - 1 and ends at the time of row end_row. The last
row of a group has no interval and belongs to no run, so runs never cross groups.

An idle event at a threshold is an idle run at least that long (inclusive); its counted duration is the
whole run, including the first threshold seconds.
"""

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel
from kernels.states import IDLE, States, checked_states
from kernels.track import Flags, Ints, Track, checked, column


class Runs(NamedTuple):
    """Runs in the order of rows; every field is int64 of shape (n_runs,)."""

    group: Ints
    first_row: Ints
    end_row: Ints


class IdleRuns(NamedTuple):
    """Idle runs in the order of rows; every field is int64 of shape (n_runs,)."""

    group: Ints
    first_row: Ints
    end_row: Ints
    started_us: Ints
    duration_us: Ints


def runs(starts: Ints, labels: NDArray[np.integer]) -> Runs:
    """Find the maximal stretches of equal labels.

    starts  int64 (n_groups + 1,)         first row of each group, then the row count
    labels  any integer dtype (n_rows,)   the label of the last row of a group does not matter
    """
    starts = column("starts", starts, np.int64)
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise TypeError("labels: expected an integer array")
    labels = column("labels", labels.astype(np.int64, copy=False), np.int64)
    if starts.size == 0 or starts[0] != 0 or starts[-1] != labels.size or np.any(starts[1:] < starts[:-1]):
        raise ValueError(f"starts: expected to rise from 0 to the row count, {labels.size}")
    begins = np.zeros(labels.size, dtype=np.bool_)
    _mark_begins(starts, labels, begins)
    return runs_beginning(starts, begins)


def runs_beginning(starts: Ints, begins: Flags) -> Runs:
    """Return the runs that begin at the marked rows; a group's last row may not be marked."""
    first_row = np.flatnonzero(begins).astype(np.int64, copy=False)
    group = np.searchsorted(starts, first_row, side="right").astype(np.int64, copy=False) - 1
    last_row = starts[group + 1] - 1
    following = np.append(first_row[1:], np.iinfo(np.int64).max)[: first_row.size]
    return Runs(group, first_row, np.minimum(following, last_row))


def idle_runs(track: Track, states: States) -> IdleRuns:
    """Find the maximal stretches of idle intervals."""
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    found = runs(track.starts, states.state)
    idle = states.state[found.first_row] == IDLE
    group, first_row, end_row = (field[idle] for field in found)
    started_us = track.time_us[first_row]
    return IdleRuns(group, first_row, end_row, started_us, track.time_us[end_row] - started_us)


def idle_events(idle: IdleRuns, threshold_us: int) -> Flags:
    """Return bool (n_runs,): which idle runs are at least `threshold_us` long."""
    return idle.duration_us >= threshold_us


@kernel
def _mark_begins(starts, labels, begins):
    for group in prange(starts.size - 1):
        for row in range(starts[group], starts[group + 1] - 1):
            begins[row] = row == starts[group] or labels[row] != labels[row - 1]
