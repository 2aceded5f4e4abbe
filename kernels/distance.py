"""How far did the van go in each interval, and how do we know?

One source for the whole group, the first that fits:

    odometer  readings at two instants at least, around `odometer_share` of the time the group drove, and
              believable: never decreasing, no jump above `odometer_jump_m`, and of its total and the GPS
              distance neither above `odometer_factor` times the other plus `odometer_slack_m` (where GPS
              exists, and was not frozen: a receiver that repeats an old fix has not heard the way; too
              little is an odometer that counts kilometres where metres are expected)
    gps       good fixes at two instants at least: metres from fix to fix while driving, and from the
              last fix of a stand to the first fix of the drive that follows
    speed     at least one speed: the trapezoid of speed over time in the same intervals
    none

A rejected odometer is flagged. Metres between two readings, or two fixes, belong to the driving
intervals between them in proportion to their time; the metres of an odometer that turned without a
driving interval in between belong to the interval that reaches the second reading. So the odometer's
steps sum to its last reading minus its first.

Standing adds no GPS distance: receivers wander. But a van departs between two samples, so the hop out
of a stand is driving, and belongs to the first interval of the drive; without it a delivery route of 200
stops at one position in 10 s would lack some 40 m for each. A hop over an unknown interval is not driving and not
counted, but it does count where GPS is the judge of the odometer, which hears what GPS missed. A hop that would
need more than `hop_kmh`, from where a receiver was wrong to where it is right, is no way of the van's.

The metres of an interval are a whole number of ticks of 2^-20 m. So sums of them are exact, in whatever order they are
taken.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.geometry import hop_m
from kernels.places import LEAST_STEP_US
from kernels.states import DRIVE, OFF, UNKNOWN, States, checked_states
from kernels.track import Codes, Flags, Metres, Track, checked, column

ODOMETER, GPS, SPEED, NONE = map(np.int8, range(4))
SOURCE_NAMES = ("odometer", "gps", "speed", "none")
TICKS_A_METRE = float(2**20)


class DistanceRules(NamedTuple):
    """When an odometer is believed (domain rule: 1.5 times GPS plus 5 km; a jump of 500 km is a fault).

    odometer_share    of the driving time, between the first reading and the last
    odometer_factor   times the GPS distance, and the other way round
    odometer_slack_m  on top of it
    odometer_jump_m   between two readings
    hop_kmh           between two fixes
    """

    odometer_share: float
    odometer_factor: float
    odometer_slack_m: float
    odometer_jump_m: float
    hop_kmh: float


class Distances(NamedTuple):
    """Metres and where they come from.

    step_m             float64 (n_rows,)  metres of the interval; 0 for the last row of a group
    source             int8 (n_groups,)   a code, see SOURCE_NAMES
    odometer_rejected  bool (n_groups,)   the odometer was there and not believable
    """

    step_m: Metres
    source: Codes
    odometer_rejected: Flags


def distances(track: Track, states: States, is_frozen: Flags, rules: DistanceRules) -> Distances:
    """Find the metres of every interval from the best source of its group.

    is_frozen  bool (n_groups,)  from `places.frozen_places`
    """
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    is_frozen = column("is_frozen", is_frozen, np.bool_, track.starts.size - 1)
    rules = DistanceRules(*map(float, rules))
    step_m = np.zeros(track.time_us.size, dtype=np.float64)
    source = np.full(track.starts.size - 1, NONE, dtype=np.int8)
    odometer_rejected = np.zeros(track.starts.size - 1, dtype=np.bool_)
    _measure(track, states, is_frozen, rules, step_m, source, odometer_rejected)
    return Distances(step_m, source, odometer_rejected)


@kernel
def _measure(track, states, is_frozen, rules, step_m, source, odometer_rejected):
    for group in prange(track.starts.size - 1):
        first, end = track.starts[group], track.starts[group + 1]
        gps_found, heard_m = _spread_gps(track, states, rules, first, end, step_m)
        gps_judges = gps_found and not is_frozen[group]
        enough, believable = _judge_odometer(track, states, rules, first, end, gps_judges, heard_m)
        odometer_rejected[group] = not believable
        if enough and believable:
            step_m[first:end] = 0
            _spread_odometer(track, states, first, end, step_m)
            source[group] = ODOMETER
        elif gps_found:
            source[group] = GPS
        else:
            step_m[first:end] = 0  # fixes of one instant left their hop there
            if _spread_speed(track, states, first, end, step_m):
                source[group] = SPEED
        for row in range(first, end):
            step_m[row] = in_ticks(step_m[row]) / TICKS_A_METRE


@light_part
def in_ticks(metres):
    """The nearest whole number of ticks."""
    return math.floor(metres * TICKS_A_METRE + 0.5)


@light_part
def _spread_gps(track, states, rules, first, end, step_m):
    # Returns whether there are fixes at two instants, and the metres including hops over unknown intervals.
    heard_m = 0.0
    found = False
    last = -1
    for row in range(first, end):
        if not track.placed[row]:
            continue
        if last >= 0:
            found = found or track.time_us[row] > track.time_us[last]
            drove, unknown = _drove(states, last, row)
            departed = not drove and states.state[row] == DRIVE
            if drove or departed or unknown:
                metres = hop_m(
                    track.latitude_e7[last],
                    track.longitude_e7[last],
                    track.latitude_e7[row],
                    track.longitude_e7[row],
                )
                step_us = max(track.time_us[row] - track.time_us[last], LEAST_STEP_US)
                if metres * 3.6e6 > rules.hop_kmh * step_us:
                    metres = 0.0
                heard_m += metres
                if departed and not unknown:
                    step_m[row] += metres
                elif not unknown:
                    _spread(states, last, row, metres, step_m)
        last = row
    return found, heard_m


@light_part
def _drove(states, begin, end):
    drove = unknown = False
    for row in range(begin, end):
        if states.step_us[row] > 0:
            drove = drove or states.state[row] == DRIVE
            unknown = unknown or states.state[row] == UNKNOWN
    return drove, unknown


@light_part
def _spread(states, begin, end, metres, step_m):
    # Shares metres among the driving intervals of rows begin..end - 1; without any, the last gets all.
    drive_us = 0
    for row in range(begin, end):
        if states.state[row] == DRIVE:
            drive_us += states.step_us[row]
    if drive_us == 0:
        step_m[end - 1] += metres
        return
    for row in range(begin, end):
        if states.state[row] == DRIVE:
            step_m[row] += metres * (states.step_us[row] / drive_us)


@light_part
def _judge_odometer(track, states, rules, first, end, gps_judges, heard_m):
    # Returns whether there are enough readings, and whether they are believable.
    first_reading = last_reading = -1
    believable = True
    for row in range(first, end):
        if np.isnan(track.odometer_m[row]):
            continue
        if first_reading < 0:
            first_reading = row
        else:
            step_m = track.odometer_m[row] - track.odometer_m[last_reading]
            believable = believable and 0 <= step_m <= rules.odometer_jump_m
        last_reading = row
    if first_reading < 0 or track.time_us[last_reading] == track.time_us[first_reading]:
        return False, believable
    total_m = track.odometer_m[last_reading] - track.odometer_m[first_reading]
    if gps_judges and total_m > rules.odometer_factor * heard_m + rules.odometer_slack_m:
        believable = False
    drive_us = between_us = 0
    for row in range(first, end):
        if states.state[row] == DRIVE:
            drive_us += states.step_us[row]
            if first_reading <= row < last_reading:
                between_us += states.step_us[row]
    enough = between_us >= rules.odometer_share * drive_us
    if enough and gps_judges and heard_m > rules.odometer_factor * total_m + rules.odometer_slack_m:
        believable = False
    return enough, believable


@light_part
def _spread_odometer(track, states, first, end, step_m):
    last = -1
    for row in range(first, end):
        if np.isnan(track.odometer_m[row]):
            continue
        if last >= 0:
            _spread(states, last, row, track.odometer_m[row] - track.odometer_m[last], step_m)
        last = row


@light_part
def _spread_speed(track, states, first, end, step_m):
    # Returns whether any speed is known.
    found = False
    for row in range(first, end):
        speed_kmh = np.float64(track.speed_kmh[row])
        if np.isnan(speed_kmh):
            continue
        found = True
        if states.step_us[row] == 0:
            continue
        next_kmh = np.float64(track.speed_kmh[row + 1])
        if np.isnan(next_kmh):
            next_kmh = speed_kmh
        metres = (speed_kmh + next_kmh) / 2 / 3.6e6 * states.step_us[row]
        if states.state[row] == DRIVE:
            step_m[row] += metres
        elif states.state[row + 1] == DRIVE and states.state[row] not in (OFF, UNKNOWN):
            # An interval with the engine off can be as long as a night.
            step_m[row + 1] += metres
    return found
