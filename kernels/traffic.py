"""Was a stand with the engine on a wait in traffic, or was something handed over?

The answer for each park episode is the natural logarithm of the odds, wait to hand-off; above 0 the wait is more
likely. It is a sum of points that a person can follow, and each group has its own yardstick: its certain stands, those
at which the engine was off or that lasted `certain_us`, not at the depot or a fuel site. Nothing is taken from other
groups, and nothing from the shape of streets.

    at first   PRIOR: five hand-offs to one wait that lasts long enough to be seen
    duration   (BALANCED_S - seconds) / SECONDS_A_POINT: lights change, so the longer, the less a wait; there is no
               duration from which it cannot be one
    habit      -log(1 - p), p the share of stands of about this duration on the round at which this van's engine was
               off: where the driver always switches off and now did not, it is a wait
    elsewhere  ELSEWHERE if it is further from every certain stand than REACH times their usual distance from each
               other, or the van was faster before and after it than at nine in ten of them; else INSIDE. In the
               country doors are far apart and roads are fast, and this says nothing there
    plan       log(share of waits / share of hand-offs) on this side of the plan: the partner of a planned stop, left
               over near one, or away from all. Hand-offs are counted among the certain stands, so a plan that names
               half of the doors weighs little

Where the engine was off the odds are -inf. Without LEAST_CERTAIN certain stands `elsewhere` says nothing. `habit` says
nothing where the state of the engine is not known.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part, part
from kernels.geometry import EARTH_RADIUS_M, RADIANS_PER_E7, hop_m
from kernels.matching import Matches
from kernels.prefetching import prefetch
from kernels.searching import first_ahead, first_at, first_behind
from kernels.stops import Stops, checked_stops
from kernels.track import Codes, Flags, Metres, Track, column, shaped, starts_of_groups

PARTNER, LEFT_OVER, AWAY, NO_PLAN = map(np.int8, range(4))

PRIOR = float(np.log(1 / 5))
BALANCED_S, SECONDS_A_POINT = 45.0, 25.0
METRES_PER_E7 = 0.999999 * EARTH_RADIUS_M * RADIANS_PER_E7  # of latitude, and rounding aside
WIDE_E7 = 50_000_000  # 5 degrees
ALIKE = 1.5  # a stand lasts about as long as one 1.5 times longer or shorter
ELSEWHERE, INSIDE = 2.2, -0.7
REACH, LEAST_REACH_M = 5.0, 300.0
FASTER, PACE_US = 1.1, 60_000_000
LEAST_CERTAIN = 5
PACE_ROWS = 64  # of the minute before or after a stand, as vans send them
WAIT_SHARES = (0.1, 0.2, 0.7)  # of waits on a day with a plan: partner, left over, away


class Yardstick(NamedTuple):
    """What the certain stands of one group are like.

    reach_m  further than this from all of them is elsewhere; infinite where they are too few
    fast_kmh faster than this before and after is elsewhere; infinite where they are too few
    """

    reach_m: float
    fast_kmh: float


def plan_sides(stops: Stops, matches: Matches, has_plan: Flags) -> Codes:
    """Return int8 (n_stops,): PARTNER, LEFT_OVER, AWAY or, in a group without planned places, NO_PLAN.

    has_plan  bool (n_groups,)
    """
    has_plan = column("has_plan", has_plan, np.bool_)
    sides = [~has_plan[stops.group], matches.is_partner, matches.planned_of_stop >= 0]
    return np.select(sides, [NO_PLAN, PARTNER, LEFT_OVER], AWAY).astype(np.int8)


def wait_odds(track: Track, stops: Stops, on_round: Flags, sides: Codes, certain_us: int) -> Metres:
    """Return float64 (n_stops,): the log odds that an episode was a wait in traffic.

    on_round    bool (n_stops,)  neither at the depot nor at a fuel site
    sides       int8 (n_stops,)  from `plan_sides`
    certain_us  so long a stand measures others, whatever its engine did
    """
    track = shaped(track)
    stops = checked_stops(stops)
    on_round = column("on_round", on_round, np.bool_, stops.group.size)
    sides = column("sides", sides, np.int8, stops.group.size)
    if sides.size and (sides.min() < 0 or sides.max() > NO_PLAN):
        raise ValueError(f"sides: expected 0 to {NO_PLAN}")
    certain = on_round & ((stops.off_us > 0) | (stops.departed_us - stops.arrived_us >= certain_us))
    odds = np.full(stops.group.size, -np.inf)
    group_count = track.starts.size - 1
    if stops.group.size and stops.group[-1] >= group_count:
        raise ValueError(f"group: expected 0 to {group_count - 1}")
    stop_starts = starts_of_groups(stops.group, group_count)
    pace_bits, away_m = np.zeros(odds.size, np.int32), np.full(odds.size, np.inf)
    _measure(track, track.speed_kmh.view(np.int32), stops, stop_starts, certain, pace_bits, away_m)
    pace_kmh = pace_bits.view(np.float32).astype(np.float64)
    _weigh(stops, stop_starts, on_round, certain, sides, pace_kmh, away_m, odds)
    return odds


@kernel
def _measure(track, bits, stops, stop_starts, certain, pace_bits, away_m):
    for group in prange(stop_starts.size - 1):
        begin, until = stop_starts[group], stop_starts[group + 1]
        _find_paces(track, bits, stops, begin, until, track.starts[group], track.starts[group + 1], pace_bits)
        _find_nearest(stops, begin, until, certain, away_m)


@light_part
def _find_paces(track, bits, stops, begin, until, first, end, pace_bits):
    for stop in range(begin, until):
        _ask_for_minute(track, stops.first_row[stop] - PACE_ROWS)
        _ask_for_minute(track, stops.end_row[stop])
        pace_bits[stop] = _pace(track, bits, stops.first_row[stop], stops.end_row[stop], first, end)


@light_part
def _ask_for_minute(track, first):
    for row in range(first, first + PACE_ROWS + 1, 8):
        prefetch(track.time_us, row)
    for row in range(first, first + PACE_ROWS + 1, 16):
        prefetch(track.speed_kmh, row)


@part
def _find_nearest(stops, begin, until, certain, away_m):
    # By latitude, so that an episode looks at its neighbours only: a place is at least as far away as its latitude, and
    # as its longitude would be on the parallel nearest to a pole.
    order = np.argsort(stops.latitude_e7[begin:until], kind="mergesort") + begin
    if order.size == 0:
        return
    least_e7, most_e7 = np.int64(stops.latitude_e7[order[0]]), np.int64(stops.latitude_e7[order[-1]])
    east_m = 0.999 * METRES_PER_E7 * np.cos(max(abs(least_e7), abs(most_e7)) * RADIANS_PER_E7)
    known = np.empty(order.size, np.int64)
    count = 0
    for stop in order:
        if certain[stop] and stops.placed[stop]:
            known[count] = stop
            count += 1
    after = 0  # the first of `known` that is not before the episode in the order
    for stop in order:
        if after < count and known[after] == stop:
            after += 1
            is_known = 1
        else:
            is_known = 0
        if not stops.placed[stop]:
            continue
        north_e7 = np.int64(stops.latitude_e7[stop])
        nearest_m = np.inf
        other = after
        while other < count:
            if (stops.latitude_e7[known[other]] - north_e7) * METRES_PER_E7 > nearest_m:
                break
            nearest_m = _nearer_m(stops, stop, known[other], east_m, nearest_m)
            other += 1
        other = after - is_known - 1
        while other >= 0:
            if (north_e7 - stops.latitude_e7[known[other]]) * METRES_PER_E7 > nearest_m:
                break
            nearest_m = _nearer_m(stops, stop, known[other], east_m, nearest_m)
            other -= 1
        away_m[stop] = nearest_m


@light_part
def _pace(track, bits, first_row, end_row, first, end):
    # The greatest speed in the minute before and the greatest in the minute after; of the two, the lower. As bits.
    begin = first_behind(track.time_us, first, first_row, track.time_us[first_row] - PACE_US)
    until = first_ahead(track.time_us, end_row, end, track.time_us[end_row] + PACE_US + 1)
    before = _fastest(track, bits, begin, first_row)
    after = _fastest(track, bits, end_row, min(until, end - 1))
    if until == end and track.speed_kmh[end - 1] > 0:  # nothing follows the last row
        after = max(after, bits[end - 1])
    return min(before, after)


@light_part
def _fastest(track, bits, begin, end):
    # Numbers above 0 are in the same order as the bits they are made of, and of whole numbers the greatest is found on
    # whole registers. Of the rows of one instant only the last one speaks.
    one = np.uintp(1)
    fastest = np.int32(0)
    for row in range(np.uintp(begin), np.uintp(end)):
        speaks = (track.time_us[row] < track.time_us[row + one]) & (track.speed_kmh[row] > 0)
        fastest = max(fastest, bits[row] if speaks else np.int32(0))
    return fastest


@light_part
def _nearer_m(stops, stop, other, east_m, nearest_m):
    # The lesser of `nearest_m` and the metres between two episodes. `east_m` are fewer than a unit of longitude has
    # anywhere between them, and fewer by more than an arc of WIDE_E7 is longer than its chord.
    run_e7 = abs(np.int64(stops.longitude_e7[stop]) - np.int64(stops.longitude_e7[other]))
    if run_e7 < WIDE_E7 and run_e7 * east_m > nearest_m:
        return nearest_m
    metres = hop_m(
        stops.latitude_e7[stop], stops.longitude_e7[stop], stops.latitude_e7[other], stops.longitude_e7[other]
    )
    return min(nearest_m, metres)


@kernel
def _weigh(stops, stop_starts, on_round, certain, sides, pace_kmh, away_m, odds):
    for group in prange(stop_starts.size - 1):
        first, end = stop_starts[group], stop_starts[group + 1]
        yardstick = _yardstick(certain[first:end], pace_kmh[first:end], away_m[first:end])
        off_s, on_s = _durations(stops, first, end, on_round, pace_kmh, away_m, yardstick)
        certain_count = np.sum(certain[first:end])
        on_side = np.ones(3, np.int64)  # one more than were counted: what was never seen may still happen
        for stop in range(first, end):
            if certain[stop] and sides[stop] != NO_PLAN:
                on_side[sides[stop]] += 1
        plan_points = np.empty(3)
        for side in range(3):
            plan_points[side] = np.log(WAIT_SHARES[side] * (3 + certain_count) / on_side[side])
        for stop in range(first, end):
            if stops.off_us[stop] > 0:
                continue
            points = PRIOR + (BALANCED_S - _seconds(stops, stop)) / SECONDS_A_POINT
            if stops.engine_on_us[stop] > 0:
                off_count = _alike(off_s, _seconds(stops, stop))
                on_count = _alike(on_s, _seconds(stops, stop))
                points += -np.log(1 - off_count / (off_count + on_count + 2))
            if yardstick.reach_m < np.inf:
                points += ELSEWHERE if _is_elsewhere(stop, pace_kmh, away_m, yardstick) else INSIDE
            if sides[stop] != NO_PLAN:
                points += plan_points[sides[stop]]
            odds[stop] = points


@light_part
def _seconds(stops, stop):
    return (stops.departed_us[stop] - stops.arrived_us[stop]) / 1e6


@part
def _yardstick(certain, pace_kmh, away_m):
    if np.sum(certain) < LEAST_CERTAIN:
        return Yardstick(np.inf, np.inf)
    placed_m = np.sort(away_m[certain])
    paces_kmh = np.sort(pace_kmh[certain])
    usual_m = placed_m[placed_m.size // 2]
    return Yardstick(max(REACH * usual_m, LEAST_REACH_M), FASTER * paces_kmh[paces_kmh.size * 9 // 10])


@light_part
def _is_elsewhere(stop, pace_kmh, away_m, yardstick):
    return away_m[stop] > yardstick.reach_m or pace_kmh[stop] > yardstick.fast_kmh


@part
def _durations(stops, first, end, on_round, pace_kmh, away_m, yardstick):
    # How long the stands on the round lasted, sorted: with the engine off, and with the engine on where hand-offs are.
    off_s, on_s = np.empty(end - first), np.empty(end - first)
    off_count = on_count = 0
    for stop in range(first, end):
        if not on_round[stop]:
            continue
        if stops.off_us[stop] > 0:
            off_s[off_count] = _seconds(stops, stop)
            off_count += 1
        elif stops.engine_on_us[stop] > 0 and not _is_elsewhere(stop, pace_kmh, away_m, yardstick):
            on_s[on_count] = _seconds(stops, stop)
            on_count += 1
    return np.sort(off_s[:off_count]), np.sort(on_s[:on_count])


@light_part
def _alike(sorted_s, seconds):
    # How many lasted about as long.
    low = first_at(sorted_s, 0, sorted_s.size, seconds / ALIKE)
    return first_at(sorted_s, low, sorted_s.size, np.nextafter(seconds * ALIKE, np.inf)) - low
