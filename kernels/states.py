"""What was the van doing in each interval: off, unknown, idle, drive, ready or parked?

The interval from one row to the next takes the state of the earlier one. The first line that fits
decides (`engine` and `speed` are those of the row):

    silence longer than gap_max_us, engine not off            unknown
    engine off, yet fast for longer than wiring_us            drive     the wire lies; the group is flagged
    engine off, and the next good fix more than tow_m away    unknown   towed or moved unseen
    engine off                                                off       trackers sleep; any length
    no speed known                                            unknown
    moving                                                    drive
    standing                                                  idle      engine on
                                                              ready     engine on, electric van
                                                              parked    engine not known

Standing is a speed up to stop_kmh, moving one of move_kmh or more; between the two, motion stays
what it was. After a break (the start, an unknown or an off interval) moving is a speed above stop_kmh.

Fast for longer than wiring_us: consecutive samples with the engine off and a speed above wiring_kmh,
none further than gap_max_us from the next, the first and the last more than wiring_us apart. Between
samples alone, because a tracker that falls asleep while the van rolls out repeats its last speed in
nobody's sight.

Away from where: the last good fix of the same stretch of engine-off rows, at the row or before it.
A row whose stretch had no fix yet is not towed.

Where rows share an instant, the last of them speaks, and the others take its state. The states of a
group add up to its last time minus its first, exactly. The last row of a group has no interval: its
state is NO_STATE.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part, part
from kernels.geometry import hop_m
from kernels.track import Codes, Flags, Ints, Limits, Track, checked, checked_limits, column

OFF, UNKNOWN, IDLE, DRIVE, READY, PARKED = map(np.int8, range(6))
NO_STATE = np.int8(-1)
STATE_NAMES = ("off", "unknown", "idle", "drive", "ready", "parked")


class StateRules(NamedTuple):
    """Where one state ends and the next begins; the defaults are in the settings.

    move_kmh    moving from this speed on
    tow_m       an engine that is off moves no further than this
    wiring_kmh  an engine that is off is not faster than this
    wiring_us   for longer than this
    """

    move_kmh: float
    tow_m: float
    wiring_kmh: float
    wiring_us: int


class States(NamedTuple):
    """The state of every interval.

    state        int8 (n_rows,)     a code, see STATE_NAMES; NO_STATE for the last row of a group
    step_us      int64 (n_rows,)    microseconds to the next row; 0 for the last row of a group
    wired_wrong  bool (n_groups,)   the van drove with its engine off: the ignition wire lies
    """

    state: Codes
    step_us: Ints
    wired_wrong: Flags


def classify(track: Track, limits: Limits, rules: StateRules) -> States:
    """Find the state of every interval; derive missing speeds first (`kernels.speeds`)."""
    track = checked(track)
    limits = checked_limits(limits, track.starts.size - 1)
    rules = StateRules(float(rules.move_kmh), float(rules.tow_m), float(rules.wiring_kmh), int(rules.wiring_us))
    state = np.full(track.time_us.size, NO_STATE, dtype=np.int8)
    step_us = np.zeros(track.time_us.size, dtype=np.int64)
    wired_wrong = np.zeros(track.starts.size - 1, dtype=np.bool_)
    _classify(track, limits, rules, state, step_us, wired_wrong)
    return States(state, step_us, wired_wrong)


def checked_states(states: States, row_count: int) -> States:
    """Return states and steps as read-only views, one element for each row."""
    state = column("state", states.state, np.int8, row_count)
    step_us = column("step_us", states.step_us, np.int64, row_count)
    return States(state, step_us, column("wired_wrong", states.wired_wrong, np.bool_))


@kernel
def _classify(track, limits, rules, state, step_us, wired_wrong):
    for group in prange(track.starts.size - 1):
        first, end = track.starts[group], track.starts[group + 1]
        for row in range(first, end - 1):
            step_us[row] = track.time_us[row + 1] - track.time_us[row]
        wired_wrong[group] = _mark_wrong_wiring(track, rules, limits.gap_max_us[group], first, end, state)
        _mark_engine_off(track, rules, first, end, state)
        _mark_engine_on(track, limits, rules, group, state, step_us)
        _mark_instants(first, end, state, step_us)


@part
def _mark_wrong_wiring(track, rules, gap_max_us, first, end, state):
    # Marks the rows of each fast stretch with the engine off as DRIVE; returns whether there was one.
    found = False
    row = first
    while row < end:
        last = row  # of the stretch
        if _fast_while_off(track, rules, row):
            while last + 1 < end and _fast_while_off(track, rules, last + 1):
                if track.time_us[last + 1] - track.time_us[last] > gap_max_us:
                    break
                last += 1
        if track.time_us[last] - track.time_us[row] > rules.wiring_us:
            found = True
            state[row:last] = DRIVE
            # The sleep after the last sample of a stretch is not driving.
            if last + 1 < end and track.time_us[last + 1] - track.time_us[last] <= gap_max_us:
                state[last] = DRIVE
        row = last + 1
    return found


@light_part
def _fast_while_off(track, rules, row):
    return track.engine[row] == 0 and track.speed_kmh[row] > rules.wiring_kmh


@light_part
def _mark_engine_off(track, rules, first, end, state):
    # Marks rows with the engine off that are not DRIVE yet as OFF, or as UNKNOWN where the van turns
    # up elsewhere. Rows wait from one fix to the next, which answers for all of them.
    last = -1  # the last good fix, if the engine was off there
    waiting = first
    for row in range(first, end):
        if track.placed[row]:
            towed = last >= 0 and _fixes_apart_m(track, last, row) > rules.tow_m
            _mark_waiting(track, waiting, row, towed, state)
            waiting = row
            last = row if track.engine[row] == 0 else -1
    _mark_waiting(track, waiting, end - 1, False, state)


@light_part
def _fixes_apart_m(track, a, b):
    return hop_m(track.latitude_e7[a], track.longitude_e7[a], track.latitude_e7[b], track.longitude_e7[b])


@light_part
def _mark_waiting(track, begin, end, towed, state):
    unbroken = True  # still in the stretch of engine-off rows that the fix belongs to
    for row in range(begin, end):
        unbroken = unbroken and track.engine[row] == 0
        if track.engine[row] == 0 and state[row] != DRIVE:
            state[row] = UNKNOWN if towed and unbroken else OFF


@light_part
def _mark_engine_on(track, limits, rules, group, state, step_us):
    moving = False
    after_break = True
    for row in range(track.starts[group], track.starts[group + 1] - 1):
        if step_us[row] == 0:
            continue
        speed_kmh = track.speed_kmh[row]
        if track.engine[row] == 0:
            after_break = state[row] != DRIVE
            moving = not after_break
            continue
        if step_us[row] > limits.gap_max_us[group] or np.isnan(speed_kmh):
            # NaN compares as false: without this test a van that lost its speed sensor would look
            # like one that never stops.
            state[row] = UNKNOWN
            after_break = True
            continue
        keeps_moving = speed_kmh > limits.stop_kmh[group]
        moving = keeps_moving if after_break or moving else speed_kmh >= rules.move_kmh
        after_break = False
        if moving:
            state[row] = DRIVE
        elif track.engine[row] == 1:
            state[row] = READY if limits.electric[group] else IDLE
        else:
            state[row] = PARKED


@light_part
def _mark_instants(first, end, state, step_us):
    # Rows of one instant take the state of the last of them. Those of the last instant have none
    # that elapsed: they join the interval before, and in a group without duration keep NO_STATE.
    following = NO_STATE
    for row in range(end - 1, first - 1, -1):
        if step_us[row] > 0:
            following = state[row]
        state[row] = following
    previous = NO_STATE
    for row in range(first, end - 1):
        if state[row] == NO_STATE:
            state[row] = previous
        previous = state[row]
    if end > first:
        state[end - 1] = NO_STATE
