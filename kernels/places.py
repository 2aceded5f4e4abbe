"""Which fixes can be true, which are jumps of the receiver, and what does a tracker only repeat?

A fix is a jump if reaching it from the previous good fix would need more than `max_kmh`. A jump
loses its place and nothing else: its speed, engine and odometer still count. One jump after another
is not a jump if the two agree with each other: the van is really there, and both are good from the
first of the two. If the fix they contradict was the first of the group and no later fix ever agreed
with it, that fix was the jump.

Trackers stamp whole seconds, so the time between two fixes counts as at least one second. Two fixes
of the same instant cannot vouch for each other; an exact copy of a fix shares its verdict.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.geometry import hop_m
from kernels.track import Flags, Ints, Track, checked, column

LEAST_STEP_US = 1_000_000
FAST_KMH, STUCK_M = 10.0, 25.0
STUCK_BASELINE_US, STUCK_LONGEST_US, STUCK_LEAST_US, STUCK_FIXES = 10_000_000, 30_000_000, 30_000_000, 3


class Places(NamedTuple):
    """What is left of the fixes of a track.

    placed      bool (n_rows,)     the row has a fix, and it is not a jump
    jump_count  int64 (n_groups,)  rows that had a fix and lost it
    """

    placed: Flags
    jump_count: Ints


def good_places(track: Track, *, max_kmh: float = 180.0) -> Places:
    """Find the fixes that no other fix contradicts."""
    track = checked(track)
    placed = np.zeros(track.time_us.size, dtype=np.bool_)
    jump_count = np.zeros(track.starts.size - 1, dtype=np.int64)
    _judge(track, max_kmh, placed, jump_count)
    return Places(placed, jump_count)


def frozen_places(track: Track, *, fast_kmh: float = FAST_KMH, frozen_us: int = 60_000_000) -> Flags:
    """Return bool (n_groups,): fast on one spot: above `fast_kmh` for longer than `frozen_us`.

    Means something only where speed has another source than position. Such a receiver repeats an old
    fix; distance should come from the odometer.
    """
    track = checked(track)
    frozen = np.zeros(track.starts.size - 1, dtype=np.bool_)
    _find_frozen(track, fast_kmh, frozen_us, frozen)
    return frozen


def frozen_speeds(track: Track, gps_speed: Flags, *, frozen_us: int = 300_000_000) -> Flags:
    """Return bool (n_rows,): the speed is one that a parked tracker repeats.

    A speed above 0, the good fix and the odometer, where one is sent, are the same for longer than `frozen_us`,
    and the engine is not known to be on: speed and place contradict each other, and the place is believed. With
    the engine on, or where the speed is the vehicle's own, it is the place that is frozen (`frozen_places`).

    gps_speed  bool (n_groups,)  the speed comes from the receiver, not from the vehicle
    """
    track = checked(track)
    gps_speed = column("gps_speed", gps_speed, np.bool_, track.starts.size - 1)
    frozen = np.zeros(track.time_us.size, dtype=np.bool_)
    _find_repeated(track, gps_speed, frozen_us, frozen)
    return frozen


def stuck_speeds(track: Track, *, away_m: float = STUCK_M) -> Flags:
    """Return bool (n_rows,): the speed is a 0 that a tracker sends while its fixes move on.

    Among consecutive rows of speed 0 each fix is compared with the one ten seconds or more before it. Three fixes in a
    row that are further than `away_m` from theirs, over at least half a minute and three times `away_m` in all, are a
    van that moves. Fixes more than half a minute apart say nothing: it may have stood at each of them.
    """
    track = checked(track)
    stuck = np.zeros(track.time_us.size, dtype=np.bool_)
    _find_stuck(track, float(away_m), stuck)
    return stuck


@kernel
def _find_stuck(track, away_m, stuck):
    for group in prange(track.starts.size - 1):
        mark_stuck(track, away_m, track.starts[group], track.starts[group + 1], stuck)


@light_part
def mark_stuck(track, away_m, first, end, stuck):
    """Mark the rows first..end - 1 that are stuck; return whether there are any."""
    begin = back = since = np.int64(-1)  # of the zeros; of the comparison; of the motion
    moved_count = 0
    marked = np.int64(-1)
    for row in range(first, end):
        if track.speed_kmh[row] != 0:  # NaN as well
            begin = since = np.int64(-1)
            continue
        if not track.placed[row]:
            continue
        if begin < 0:
            begin = back = np.int64(row)
            since = np.int64(-1)
            continue
        for other in range(back + 1, row):
            if track.time_us[other] > track.time_us[row] - STUCK_BASELINE_US:
                break
            if track.placed[other]:
                back = np.int64(other)
        step_us = track.time_us[row] - track.time_us[back]
        if not (0 < step_us <= STUCK_LONGEST_US and _apart_m(track, back, row) > away_m):
            since = np.int64(-1)
            continue
        if since < 0:
            since, moved_count = back, 0
        moved_count += 1
        if (
            moved_count >= STUCK_FIXES
            and track.time_us[row] - track.time_us[since] >= STUCK_LEAST_US
            and _apart_m(track, since, row) > 3 * away_m
        ):
            for seen in range(max(since, marked + 1), row + 1):
                stuck[seen] = True
            marked = np.int64(row)
    return marked >= 0


@light_part
def _apart_m(track, a, b):
    return hop_m(track.latitude_e7[a], track.longitude_e7[a], track.latitude_e7[b], track.longitude_e7[b])


@kernel
def _judge(track, max_kmh, placed, jump_count):
    for group in prange(track.starts.size - 1):
        first, end = track.starts[group], track.starts[group + 1]
        anchor = -1  # the last good fix
        alone = -1  # the first fix of the group, until a later one agrees with it
        doubted = -1  # the last jump since the anchor
        for row in range(first, end):
            if not track.placed[row]:
                continue
            if anchor < 0:
                placed[row] = True
                anchor = alone = row
            elif _reachable(track, anchor, row, max_kmh):
                placed[row] = True
                if alone >= 0 and track.time_us[row] > track.time_us[alone]:
                    alone = -1
                anchor, doubted = row, -1
            elif (
                doubted >= 0
                and track.time_us[row] > track.time_us[doubted]
                and _reachable(track, doubted, row, max_kmh)
            ):
                if alone >= 0:
                    _mark_copies(track, alone, row, False, placed)
                    alone = -1
                _mark_copies(track, doubted, row, True, placed)
                placed[row] = True
                anchor, doubted = row, -1
            elif doubted < 0 or track.time_us[row] > track.time_us[doubted]:
                doubted = row
        for row in range(first, end):
            jump_count[group] += track.placed[row] and not placed[row]


@light_part
def _reachable(track, a, b, max_kmh):
    step_us = max(track.time_us[b] - track.time_us[a], LEAST_STEP_US)
    return _apart_m(track, a, b) * 3.6e6 <= max_kmh * step_us


@light_part
def _mark_copies(track, fix, end, good, placed):
    # The fix and its exact copies; rows of one instant follow each other.
    for row in range(fix, end):
        if track.time_us[row] != track.time_us[fix]:
            break
        if (
            track.placed[row]
            and track.latitude_e7[row] == track.latitude_e7[fix]
            and track.longitude_e7[row] == track.longitude_e7[fix]
        ):
            placed[row] = good


@kernel
def _find_frozen(track, fast_kmh, frozen_us, frozen):
    for group in prange(track.starts.size - 1):
        since = -1
        for row in range(track.starts[group], track.starts[group + 1]):
            if not (track.placed[row] and track.speed_kmh[row] > fast_kmh):
                since = -1
            elif (
                since < 0
                or track.latitude_e7[row] != track.latitude_e7[since]
                or track.longitude_e7[row] != track.longitude_e7[since]
            ):
                since = row
            elif track.time_us[row] - track.time_us[since] > frozen_us:
                frozen[group] = True


@kernel
def _find_repeated(track, gps_speed, frozen_us, frozen):
    for group in prange(track.starts.size - 1):
        if not gps_speed[group]:
            continue
        since = -1
        odometer_m = np.nan
        for row in range(track.starts[group], track.starts[group + 1]):
            if not (track.placed[row] and track.speed_kmh[row] > 0 and track.engine[row] != 1):
                since = -1
                continue
            # Comparisons with NaN are false: a reading that was not sent contradicts none.
            turned = track.odometer_m[row] > odometer_m or track.odometer_m[row] < odometer_m
            if since < 0 or turned or not _same_fix(track, since, row):
                since, odometer_m = row, np.nan
            if not np.isnan(track.odometer_m[row]):
                odometer_m = track.odometer_m[row]
            if track.time_us[row] - track.time_us[since] > frozen_us:
                frozen[row] = True
                earlier = row - 1
                while earlier >= since and not frozen[earlier]:
                    frozen[earlier] = True
                    earlier -= 1


@light_part
def _same_fix(track, a, b):
    return (
        track.speed_kmh[a] == track.speed_kmh[b]
        and track.latitude_e7[a] == track.latitude_e7[b]
        and track.longitude_e7[a] == track.longitude_e7[b]
    )
