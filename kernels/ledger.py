"""Which maximal runs of one state, in one context, phase and route, with or without power take-off, make up the day?

The ledger is the root of all measures of time: whatever counts seconds is a sum over its runs. In
every group they follow each other without hole or overlap, so their durations add up to the group's
last time minus its first, exactly; and their metres to the metres of its intervals.

Intervals without duration (rows of one instant) never split a run: they join the interval that follows
them, and at the end of a group the run before.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel
from kernels.gathering import values_at
from kernels.runs import runs_beginning
from kernels.states import States, checked_states
from kernels.track import Codes, Flags, Ints, Metres, Track, checked, column


class Ledger(NamedTuple):
    """Runs by group, then by time; every field has the shape (n_runs,).

    group        int64
    first_row    int64    the run covers the intervals of rows first_row..end_row - 1
    end_row      int64
    started_us   int64    time of first_row
    ended_us     int64    time of end_row
    duration_us  int64    always above 0
    state        int8     see `kernels.states`
    context      int8     see `kernels.kinds`
    phase        int8     see `kernels.phases`
    route        int64    as given
    pto          bool     as given
    continues    bool     the run before it in its group has the same state: only context, phase or
                          route or pto changed between them
    distance_m   float64
    """

    group: Ints
    first_row: Ints
    end_row: Ints
    started_us: Ints
    ended_us: Ints
    duration_us: Ints
    state: Codes
    context: Codes
    phase: Codes
    route: Ints
    pto: Flags
    continues: Flags
    distance_m: Metres


def ledger(
    track: Track, states: States, step_m: Metres, context: Codes, phase: Codes, route: Ints, pto: Flags
) -> Ledger:
    """Find the maximal runs of equal state, context, phase, route and pto.

    step_m   float64 (n_rows,)  from `distances`
    context  int8 (n_rows,)     from `contexts`
    phase    int8 (n_rows,)     from `route_phases`
    route    int64 (n_rows,)    a number for each route, the caller's choice
    pto      bool (n_rows,)     the power take-off was at work
    """
    track = checked(track)
    size = track.time_us.size
    states = checked_states(states, size)
    step_m = column("step_m", step_m, np.float64, size)
    labels: tuple[Any, ...] = (
        states.state,
        column("context", context, np.int8, size),
        column("phase", phase, np.int8, size),
        column("route", route, np.int64, size),
        column("pto", pto, np.bool_, size),
    )
    begins = np.zeros(size, dtype=np.bool_)
    _mark_begins(track.starts, states.step_us, *labels, begins)
    group, first_row, end_row = runs_beginning(track.starts, begins)
    distance_m = np.zeros(first_row.size, dtype=np.float64)
    speaker = np.zeros(first_row.size, dtype=np.int64)
    _describe(first_row, end_row, states.step_us, step_m, speaker, distance_m)
    state, run_context, run_phase, run_route, run_pto = (label[speaker] for label in labels)
    return ledger_of(
        track,
        group,
        first_row,
        end_row,
        state=state,
        context=run_context,
        phase=run_phase,
        route=run_route,
        pto=run_pto,
        distance_m=distance_m,
    )


def ledger_of(track: Track, group: Ints, first_row: Ints, end_row: Ints, *, state: Codes, **others: Any) -> Ledger:
    """Runs that are known by their rows and state, with their times; `others` are the other fields of Ledger."""
    continues = np.zeros(group.size, dtype=np.bool_)
    continues[1:] = (group[1:] == group[:-1]) & (state[1:] == state[:-1])
    started_us, ended_us = values_at(track.time_us, first_row), values_at(track.time_us, end_row)
    return Ledger(
        group=group,
        first_row=first_row,
        end_row=end_row,
        started_us=started_us,
        ended_us=ended_us,
        duration_us=ended_us - started_us,
        state=state,
        continues=continues,
        **others,
    )


@kernel
def _mark_begins(starts, step_us, state, context, phase, route, pto, begins):
    for group in prange(starts.size - 1):
        before = -1  # the last row with a duration
        instant = starts[group]  # the first of the rows that share an instant with this one
        for row in range(starts[group], starts[group + 1] - 1):
            if step_us[row] == 0:
                continue
            begins[instant] = (
                before < 0
                or state[row] != state[before]
                or context[row] != context[before]
                or phase[row] != phase[before]
                or route[row] != route[before]
                or pto[row] != pto[before]
            )
            before = row
            instant = row + 1


@kernel
def _describe(first_row, end_row, step_us, step_m, speaker, distance_m):
    for run in prange(first_row.size):
        row = first_row[run]
        while step_us[row] == 0:
            row += 1
        speaker[run] = row
        for counted in range(first_row[run], end_row[run]):
            distance_m[run] += step_m[counted]
