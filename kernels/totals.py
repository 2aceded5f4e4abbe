"""How long was each group of positions driving, idling, off, parked or unknown, how far, and how often idle for long?

The states are those of `kernels.states`, for columns that need no judging: every row has a place that can be true,
nobody tows a van, and the ignition wire does not lie. Metres are those of driving intervals, from place to place;
standing adds none. An idle event is an idle run at least `idle_us` long, as in `kernels.runs`.

The simple way writes a state and a step for every row and adds them up (`simple_totals`). `state_totals` goes from
change to change. While a state lasts it looks for the first row that may end it, in blocks, by a comparison or two and
the least row number among those that fail: the processor takes 8 to 32 rows at a time, and what is NaN fails. Times are
read at the ends of a block alone: one no longer than the longest allowed silence holds no gap. Only a row that was
found is looked at with the words of `states`.

Metres of a run are summed over blocks, too (`kernels.stretches`).

Rows are expected in the order of groups and times. That is not checked: the check would cost more than the answer.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.prefetching import prefetch
from kernels.states import DRIVE, IDLE, NO_STATE, OFF, PARKED, READY, STATE_NAMES, UNKNOWN, StateRules, classify
from kernels.stretches import BLOCK_ROWS, hop_at, metres_along
from kernels.track import Codes, Degrees, Ints, Limits, Metres, Speeds, Track, checked_limits, column

# Numba takes the sum of two small integers for a large one, and loops over signed numbers ask whether each is negative:
# both would keep the processor from taking many rows at a time.
ROW = np.uintp
AHEAD_ROWS, LINE_ROWS = 512, 64
ZERO, ONE, FAR = np.int32(0), np.int32(1), np.int32(1 << 20)


class Positions(NamedTuple):
    """Positions sorted by group, then by time; a row is 21 bytes.

    starts        int64 (n_groups + 1,)  first row of each group, then the row count
    time_us       int64 (n_rows,)        Unix time, never decreasing within a group
    latitude_e7   int32 (n_rows,)        degrees times 10 000 000
    longitude_e7  int32 (n_rows,)        the same
    speed_kmh     float32 (n_rows,)      NaN where none was sent
    engine        int8 (n_rows,)         1 on, 0 off, -1 not known
    """

    starts: Ints
    time_us: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    speed_kmh: Speeds
    engine: Codes


_TYPES = (np.int64, np.int32, np.int32, np.float32, np.int8)


class Totals(NamedTuple):
    """What each group adds up to.

    spent_us          int64 (n_groups, 6)   time in each state, in the order of `states.STATE_NAMES`
    drive_m           float64 (n_groups,)   metres of driving intervals
    idle_event_count  int64 (n_groups,)     idle runs of idle_us or more
    idle_event_us     int64 (n_groups,)     and how long they were
    """

    spent_us: Ints
    drive_m: Metres
    idle_event_count: Ints
    idle_event_us: Ints


def state_totals(positions: Positions, limits: Limits, *, move_kmh: float, idle_us: int) -> Totals:
    """Add up every group in one pass."""
    positions = _checked(positions)
    group_count = positions.starts.size - 1
    limits = checked_limits(limits, group_count)
    totals = _nothing(group_count)
    _add_up(positions, limits, np.float32(move_kmh), int(idle_us), *totals)
    return totals


def simple_totals(positions: Positions, limits: Limits, *, move_kmh: float, idle_us: int) -> Totals:
    """Add up every group from the state of every row: what `state_totals` gives, metres but for 2e-5 of them."""
    size = positions.time_us.size
    track = Track(
        *positions[:4],
        placed=np.ones(size, np.bool_),
        speed_kmh=positions.speed_kmh,
        engine=positions.engine,
        odometer_m=np.full(size, np.nan),
    )
    never = StateRules(float(np.float32(move_kmh)), tow_m=math.inf, wiring_kmh=math.inf, wiring_us=0)
    states = classify(track, limits, never)
    totals = _nothing(track.starts.size - 1)
    _add_up_rows(_checked(positions), states.state, states.step_us, int(idle_us), *totals)
    return totals


def _nothing(group_count: int) -> Totals:
    count, duration = np.zeros(group_count, np.int64), np.zeros(group_count, np.int64)
    return Totals(np.zeros((group_count, len(STATE_NAMES)), np.int64), np.zeros(group_count), count, duration)


def _checked(positions: Positions) -> Positions:
    starts = column("starts", positions.starts, np.int64)
    size = np.asarray(positions.time_us).size
    named = zip(positions._fields[1:], positions[1:], _TYPES, strict=True)
    rows = [column(name, value, dtype, size) for name, value, dtype in named]
    if starts.size == 0 or starts[0] != 0 or starts[-1] != size or np.any(starts[1:] < starts[:-1]):
        raise ValueError(f"starts: expected to rise from 0 to the row count, {size}")
    return Positions(starts, *rows)


@kernel
def _add_up_rows(positions, state, step_us, idle_us, spent_us, drive_m, idle_event_count, idle_event_us):
    for group in prange(positions.starts.size - 1):
        idling_us = 0
        for row in range(positions.starts[group], positions.starts[group + 1] - 1):
            if state[row] == NO_STATE:
                continue
            spent_us[group, state[row]] += step_us[row]
            if state[row] == DRIVE:
                drive_m[group] += hop_at(positions.latitude_e7, positions.longitude_e7, row)
            idling_us = idling_us + step_us[row] if state[row] == IDLE else 0
            if idling_us >= idle_us and state[row + 1] != IDLE and state[row] == IDLE:
                idle_event_count[group] += 1
                idle_event_us[group] += idling_us


@kernel
def _add_up(positions, limits, move_kmh, idle_us, spent_us, drive_m, idle_event_count, idle_event_us):
    for group in prange(positions.starts.size - 1):
        totals = spent_us, drive_m, idle_event_count, idle_event_us
        van = limits.gap_max_us[group], limits.stop_kmh[group], move_kmh, limits.electric[group]
        last = positions.starts[group + 1] - 1
        row = run = instant = positions.starts[group]  # where the run, and the rows of one instant, begin
        state = NO_STATE
        asked = row
        while row < last:
            step_us = positions.time_us[row + 1] - positions.time_us[row]
            if step_us == 0:
                row += 1
                continue
            found = _state(van, positions.speed_kmh[row], positions.engine[row], step_us, state)
            if found != state:
                _close(positions, state, run, instant, idle_us, group, totals)
                state, run = found, instant
            asked = _ask_ahead(positions, asked, row)
            row = instant = _first_that_may_differ(positions, van, state, row + 1, last)
        _close(positions, state, run, last, idle_us, group, totals)


@light_part
def _ask_ahead(positions, asked, row):
    # All columns: nobody knows which times and places will be looked at, and those in between cost less than waiting.
    asked = max(asked, row)  # a long run went by
    while asked < row + AHEAD_ROWS:
        prefetch(positions.engine, asked)
        for line in range(asked, asked + LINE_ROWS, 16):
            prefetch(positions.latitude_e7, line)
            prefetch(positions.longitude_e7, line)
            prefetch(positions.speed_kmh, line)
        for line in range(asked, asked + LINE_ROWS, 8):
            prefetch(positions.time_us, line)
        asked += LINE_ROWS
    return asked


@light_part
def _close(positions, state, run, end, idle_us, group, totals):
    spent_us, drive_m, idle_event_count, idle_event_us = totals
    if state == NO_STATE:
        return
    duration_us = positions.time_us[end] - positions.time_us[run]
    spent_us[group, state] += duration_us
    if state == DRIVE:
        drive_m[group] += metres_along(positions.latitude_e7, positions.longitude_e7, run, end)
    elif state == IDLE and duration_us >= idle_us:
        idle_event_count[group] += 1
        idle_event_us[group] += duration_us


@light_part
def _state(van, speed_kmh, engine, step_us, before):
    gap_max_us, stop_kmh, move_kmh, electric = van
    if engine == 0:
        return OFF
    if step_us > gap_max_us or np.isnan(speed_kmh):
        return UNKNOWN
    stood = before in (IDLE, READY, PARKED)
    if speed_kmh > stop_kmh and (speed_kmh >= move_kmh or not stood):
        return DRIVE
    if engine == 1:
        return READY if electric else IDLE
    return PARKED


@light_part
def _first_that_may_differ(positions, van, state, row, last):
    gap_max_us, stop_kmh, move_kmh, _ = van
    time_us, speed_kmh, engine = positions.time_us, positions.speed_kmh, positions.engine
    while row < last:
        end = min(row + BLOCK_ROWS, last)
        if state == DRIVE:
            first = _first_that_stands(speed_kmh, engine, row, end, stop_kmh)
        elif state == OFF:
            first = _first_not(np.int8(0), engine, row, end)
        elif state == PARKED:
            first = _first_that_moves(speed_kmh, np.int8(-1), engine, row, end, move_kmh)
        elif state != UNKNOWN:
            first = _first_that_moves(speed_kmh, np.int8(1), engine, row, end, move_kmh)
        else:
            return row
        # Nor does a block count that ends amid the rows of one instant: all of them take the state of the last.
        if time_us[first] - time_us[row] > gap_max_us or time_us[first] == time_us[first - 1]:
            first = min(first, _first_after_a_step(time_us, row, first, gap_max_us))
        if first < end:
            return first
        row = end
    return row


@light_part
def _first_that_stands(speed_kmh, engine, row, end, stop_kmh):
    first, here = FAR, ZERO
    for i in range(ROW(row), ROW(end)):
        candidate = FAR if (speed_kmh[i] > stop_kmh) & (engine[i] != 0) else here
        first = min(candidate, first)
        here = np.int32(here + ONE)
    return min(row + first, end)


@light_part
def _first_that_moves(speed_kmh, code, engine, row, end, move_kmh):
    first, here = FAR, ZERO
    for i in range(ROW(row), ROW(end)):
        candidate = FAR if (speed_kmh[i] < move_kmh) & (engine[i] == code) else here
        first = min(candidate, first)
        here = np.int32(here + ONE)
    return min(row + first, end)


@light_part
def _first_not(code, engine, row, end):
    first, here = FAR, ZERO
    for i in range(ROW(row), ROW(end)):
        candidate = FAR if engine[i] == code else here
        first = min(candidate, first)
        here = np.int32(here + ONE)
    return min(row + first, end)


@light_part
def _first_after_a_step(time_us, row, end, gap_max_us):
    # The first row that a silence follows, or that shares an instant with the next.
    for i in range(row, end):
        step_us = time_us[i + 1] - time_us[i]
        if step_us > gap_max_us or step_us == 0:
            return i
    return end
