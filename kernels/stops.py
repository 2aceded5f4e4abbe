"""Where did the van stand, from when to when, whatever its engine did?

A park episode is found by place and time together:

- It is made of standing intervals (off, idle, ready, parked) that follow each other.
- It ends where the fixes leave `radius_m` around the mean of its fixes so far. Fixes outside are jitter
  and do not end it if the next good fix is back inside, or a later one within `merge_us` without a
  drive between.
- Where it has lasted `settle_us`, a fix outside that is not further than half the radius from the fix
  before it is drift: receivers wander by tens of metres in a long stand, in small steps.
- Standing goes on after a blip (drive or unknown intervals) of at most `merge_us`, if no fix of the
  blip and of its return is further than `radius_m` away. A blip that drove needs a fix to show that;
  one that was only unknown, such as a single missing speed, does not.

So hand-offs at two places are two episodes, even where sampling is too coarse to have seen the drive
between them. Episodes shorter than `min_us` are dropped. The unit is the interval: at one position in
10 s, a stand of 20 s is two intervals.

The place is the mean of the good fixes while standing, one vote for each instant.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.geometry import hop_m
from kernels.states import DRIVE, IDLE, NO_STATE, OFF, READY, UNKNOWN, States, checked_states
from kernels.track import Degrees, Flags, Ints, Track, checked, columns


class StopRules(NamedTuple):
    """What one stand is; the defaults are in the settings.

    min_us    shorter episodes are not reported
    radius_m  around the mean place
    merge_us  a longer blip ends an episode
    settle_us an episode of this duration may drift
    """

    min_us: int
    radius_m: float
    merge_us: int
    settle_us: int


class Stops(NamedTuple):
    """Park episodes by group, then by time; every field has the shape (n_stops,).

    group         int64  of the track
    first_row     int64  the episode covers the intervals of rows first_row..end_row - 1
    end_row       int64
    arrived_us    int64  time of first_row
    departed_us   int64  time of end_row
    latitude_e7   int32  mean place; 0 where not placed
    longitude_e7  int32
    placed        bool   at least one good fix while standing
    engine_on_us  int64  idle and ready
    off_us        int64
    """

    group: Ints
    first_row: Ints
    end_row: Ints
    arrived_us: Ints
    departed_us: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    placed: Flags
    engine_on_us: Ints
    off_us: Ints


_STOP_TYPES = (*5 * (np.int64,), np.int32, np.int32, np.bool_, np.int64, np.int64)


def park_episodes(track: Track, states: States, rules: StopRules) -> Stops:
    """Find the park episodes of every group."""
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    rules = StopRules(int(rules.min_us), float(rules.radius_m), int(rules.merge_us), int(rules.settle_us))
    # At most one episode begins at a row. Pages of `end_row` that no episode touches cost no memory.
    end_row = np.zeros(track.time_us.size, dtype=np.int64)
    _find(track, states, rules, end_row)
    first_row = np.flatnonzero(end_row).astype(np.int64, copy=False)
    end_row = end_row[first_row]
    group = np.searchsorted(track.starts, first_row, side="right").astype(np.int64, copy=False) - 1
    measured: list[Any] = [np.zeros(first_row.size, dtype) for dtype in _STOP_TYPES[5:]]
    _describe(track, states, first_row, end_row, *measured)
    arrived_us, departed_us = track.time_us[first_row], track.time_us[end_row]
    return Stops(group, first_row, end_row, arrived_us, departed_us, *measured)


def checked_stops(stops: Stops) -> Stops:
    """Return the stops as read-only views of equal length, their groups in order."""
    stops = Stops(*columns(stops, _STOP_TYPES, np.asarray(stops.group).size))
    if np.any(stops.group[1:] < stops.group[:-1]):
        raise ValueError("group: expected to rise")
    return stops


@light_part
def is_standing(state):
    """Whether an interval of this state is part of a stand."""
    return state != DRIVE and state != UNKNOWN and state != NO_STATE


@kernel
def _find(track, states, rules, end_row):
    for group in prange(track.starts.size - 1):
        _find_in_group(track, states, rules, track.starts[group], track.starts[group + 1], end_row)


@light_part
def _find_in_group(track, states, rules, first, end, end_row):
    begin = stand_end = -1  # rows begin..stand_end - 1 are the open episode; begin -1: none is open
    centre = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    anchor = -1  # the last fix at its place, once it has settled; -1 none
    for row in range(first, end - 1):
        if states.step_us[row] == 0:
            continue
        if not is_standing(states.state[row]):
            if begin >= 0 and track.time_us[row + 1] - track.time_us[stand_end] > rules.merge_us:
                _close(track, rules, begin, stand_end, end_row)
                begin = -1
            continue
        if begin >= 0 and not goes_on(track, states, rules, centre, anchor, stand_end, row, end):
            _close(track, rules, begin, stand_end, end_row)
            begin = -1
        if begin < 0:
            begin = row
            centre = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
            anchor = -1
        if track.placed[row] and is_here(track, row, centre, anchor, rules.radius_m):
            centre = with_fix(track, row, centre)
            if track.time_us[row] - track.time_us[begin] >= rules.settle_us:
                anchor = row
        stand_end = row + 1
    if begin >= 0:
        _close(track, rules, begin, stand_end, end_row)


@light_part
def _close(track, rules, begin, stand_end, end_row):
    if track.time_us[stand_end] - track.time_us[begin] >= rules.min_us:
        end_row[begin] = stand_end


@light_part
def goes_on(track, states, rules, centre, anchor, stand_end, row, end):
    """Is the standing row still of the episode whose standing ended at `stand_end`?"""
    drove = seen = False
    for blip in range(stand_end, row):
        if states.step_us[blip] == 0:
            continue
        drove = drove or states.state[blip] == DRIVE
        if track.placed[blip]:
            seen = True
            if not is_here(track, blip, centre, anchor, rules.radius_m):
                return False
    blip_us = track.time_us[row] - track.time_us[stand_end]
    if track.placed[row]:
        if is_here(track, row, centre, anchor, rules.radius_m):
            return not (drove and centre[0] == 0)
        return blip_us == 0 and _is_jitter(track, states, rules, centre, anchor, row, end)
    return not drove or (seen and centre[0] > 0)


@light_part
def _is_jitter(track, states, rules, centre, anchor, row, end):
    # Do the good fixes after the one outside at `row` come back?
    is_next = True
    for other in range(row + 1, end):
        if states.step_us[other] == 0 and other + 1 < end:
            continue  # of the rows of one instant the last one speaks
        if not is_next and track.time_us[other] - track.time_us[row] > rules.merge_us:
            return False
        if track.placed[other] and track.time_us[other] > track.time_us[row]:
            if is_here(track, other, centre, anchor, rules.radius_m):
                return True
            is_next = False
        if not is_next and states.state[other] == DRIVE:
            return False
    return False


@light_part
def is_here(track, row, centre, anchor, radius_m):
    """Is the fix within the radius, or drifting along from the last one?"""
    if _within(track, row, centre, radius_m):
        return True
    if anchor < 0:
        return False
    step_m = hop_m(
        track.latitude_e7[anchor], track.longitude_e7[anchor], track.latitude_e7[row], track.longitude_e7[row]
    )
    return step_m <= radius_m / 2


# A centre is the number of fixes, the row of the first of them, and the sums of latitude and longitude
# relative to it: whole numbers, so the mean is exact and does not depend on where on earth it is.


@light_part
def with_fix(track, row, centre):
    """The centre with one more fix."""
    count, origin, north_e7, east_e7 = centre
    if count == 0:
        origin = np.int64(row)
    north_e7 += np.int64(track.latitude_e7[row]) - np.int64(track.latitude_e7[origin])
    east_e7 += np.int64(track.longitude_e7[row]) - np.int64(track.longitude_e7[origin])
    return count + 1, origin, north_e7, east_e7


@light_part
def mean_of(track, centre):
    """The mean latitude and longitude of a centre."""
    count, origin, north_e7, east_e7 = centre
    latitude_e7 = np.int64(track.latitude_e7[origin]) + (2 * north_e7 + count) // (2 * count)
    longitude_e7 = np.int64(track.longitude_e7[origin]) + (2 * east_e7 + count) // (2 * count)
    return latitude_e7, longitude_e7


@light_part
def _within(track, row, centre, radius_m):
    # Everything is within the radius of a centre that has no fix yet.
    if centre[0] == 0:
        return True
    latitude_e7, longitude_e7 = mean_of(track, centre)
    return hop_m(latitude_e7, longitude_e7, track.latitude_e7[row], track.longitude_e7[row]) <= radius_m


@kernel
def _describe(track, states, first_row, end_row, latitude_e7, longitude_e7, placed, engine_on_us, off_us):
    for stop in prange(first_row.size):
        centre = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
        for row in range(first_row[stop], end_row[stop]):
            state, step_us = states.state[row], states.step_us[row]
            if step_us == 0 or not is_standing(state):
                continue
            if track.placed[row]:
                centre = with_fix(track, row, centre)
            if state == OFF:
                off_us[stop] += step_us
            elif state in (IDLE, READY):
                engine_on_us[stop] += step_us
        if centre[0] > 0:
            latitude_e7[stop], longitude_e7[stop] = mean_of(track, centre)
            placed[stop] = True
