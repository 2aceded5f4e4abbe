"""How fast was the van where no speed was sent?

A missing speed is the one needed for the hop around the row:

    from the last good fix, at the row or before it, to the next one after it
    for a row with a fix of its own, else from the good fix before

A hop counts only if it is no longer than `gap_max_us`; otherwise the speed stays NaN. A speed that
was sent is never changed. Call it with the fixes judged by `kernels.places`.

Receivers wander by some metres, which over one second looks like driving. So for a hop shorter than
HOP_US the fixes around it, over twice BASELINE_US, are halved by time, and the hop goes from the mean of
the first half to the mean of the second. Near the first or the last fix those of the whole first or last
twenty seconds count. Of several fixes of one instant the first counts.

At one fix in eight seconds or more there are too few of them to blur, for a stand of three fixes is one. So a hop
shorter than SPARSE_US has its own speed if it is motion beyond doubt: if the mean of the fix before it and its
first fix is SURE_M or more from the mean of its second and the one after it. Else it has the speed of these means,
if that is less. At the first or last fix it is the first or last four fixes, two by two.
"""

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.geometry import hop_m
from kernels.track import Limits, Speeds, Track, checked, checked_limits

HOP_US = 8_000_000  # trackers that report every ten seconds are not always punctual
BASELINE_US = 10_000_000  # means of ten fixes with 5 m of noise on both axes are 14 m apart once in years
SPARSE_US = 30_000_000  # over a longer hop noise is too slow to be driving
SURE_M = 25.0  # means of two fixes with 5 m of noise are that far apart once in 250,000 fixes


def known_speeds(track: Track, limits: Limits) -> Speeds:
    """Return float32 (n_rows,): the speeds sent, and derived ones where fixes allow; else NaN."""
    track = checked(track)
    limits = checked_limits(limits, track.starts.size - 1)
    speed_kmh = track.speed_kmh.copy()
    _fill(track, limits.gap_max_us, speed_kmh)
    return speed_kmh


@kernel
def _fill(track, gap_max_us, speed_kmh):
    for group in prange(track.starts.size - 1):
        first, end = track.starts[group], track.starts[group + 1]
        before = last = after = -1  # good fixes: earlier than `last`, at or before the row, after the row
        for row in range(first, end):
            if track.placed[row]:
                if last >= 0 and track.time_us[row] > track.time_us[last]:
                    before = last
                last = row
            if not np.isnan(track.speed_kmh[row]) or last < 0:
                continue
            # Looking ahead starts again only where the fix found before was reached, so the whole
            # group is looked at once, also when there is no fix to find.
            if after <= row or (after < end and track.time_us[after] <= track.time_us[row]):
                after = _next_fix(track, row, end)
            if after < end:
                speed_kmh[row] = _hop_kmh(track, first, end, last, after, gap_max_us[group])
            if np.isnan(speed_kmh[row]) and last == row and before >= 0:
                speed_kmh[row] = _hop_kmh(track, first, end, before, last, gap_max_us[group])


@light_part
def _next_fix(track, row, end):
    # The next good fix at a later time; `end`, the end of the group, if there is none.
    for other in range(row + 1, end):
        if track.placed[other] and track.time_us[other] > track.time_us[row]:
            return other
    return end


@light_part
def _hop_kmh(track, first, end, a, b, gap_max_us):
    step_us = track.time_us[b] - track.time_us[a]
    if step_us > gap_max_us:
        return np.nan
    if step_us < HOP_US:
        return _smooth_kmh(track, first, end, a, b)
    metres = hop_m(track.latitude_e7[a], track.longitude_e7[a], track.latitude_e7[b], track.longitude_e7[b])
    hop_kmh = metres * 3.6e6 / step_us
    if step_us >= SPARSE_US:
        return hop_kmh
    metres, between_us = _between_pairs(track, first, end, a, b)
    return hop_kmh if metres >= SURE_M else min(hop_kmh, metres * 3.6e6 / between_us)


@light_part
def _between_pairs(track, first, end, a, b):
    # How far and how long from the mean of one pair of fixes to that of the next, with the hop from `a` to `b` between
    # them or, at the first or last fix, inside one of them. A pair that lacks a fix is one fix.
    oldest, newest = _first_of_instant(track, first, a), b
    middle = _first_of_instant(track, first, b)
    before, after = _fix_before(track, first, oldest), _fix_after(track, end, b)
    if before >= 0 and after >= 0:
        oldest, newest = before, after
    elif after >= 0:
        beyond = _fix_after(track, end, after)
        newest = after
        if beyond >= 0:
            middle, newest = after, beyond
    elif before >= 0:
        beyond = _fix_before(track, first, before)
        if beyond >= 0:
            middle, before = oldest, beyond
        oldest = before
    a_us, a_north_e7, a_east_e7 = _mean_fix(track, oldest, middle)
    b_us, b_north_e7, b_east_e7 = _mean_fix(track, middle, newest + 1)
    return hop_m(a_north_e7, a_east_e7, b_north_e7, b_east_e7), b_us - a_us


@light_part
def _first_of_instant(track, first, row):
    while row > first and track.time_us[row - 1] == track.time_us[row]:
        row -= 1
    return row


@light_part
def _fix_before(track, first, fix):
    # The last good fix at an earlier time, less than SPARSE_US before this one, the first of its instant; else -1.
    found = -1
    row = fix - 1
    while row >= first and track.time_us[fix] - track.time_us[row] < SPARSE_US:
        if track.placed[row] and track.time_us[row] < track.time_us[fix]:
            if found >= 0 and track.time_us[row] < track.time_us[found]:
                break
            found = row
        row -= 1
    return found


@light_part
def _fix_after(track, end, fix):
    # The first good fix at a later time, less than SPARSE_US after this one; else -1.
    row = fix + 1
    while row < end and track.time_us[row] - track.time_us[fix] < SPARSE_US:
        if track.placed[row] and track.time_us[row] > track.time_us[fix]:
            return row
        row += 1
    return -1


@light_part
def _smooth_kmh(track, first, end, a, b):
    oldest = _oldest(track, first, a, track.time_us[a] - BASELINE_US)
    newest = row = b
    while row + 1 < end and track.time_us[row + 1] < track.time_us[oldest] + 2 * BASELINE_US:
        row += 1
        if track.placed[row]:
            newest = row
    oldest = _oldest(track, first, oldest, track.time_us[newest] - 2 * BASELINE_US)
    split = oldest
    while 2 * track.time_us[split] <= track.time_us[oldest] + track.time_us[newest]:
        split += 1
    a_us, a_north_e7, a_east_e7 = _mean_fix(track, oldest, split)
    b_us, b_north_e7, b_east_e7 = _mean_fix(track, split, newest + 1)
    return hop_m(a_north_e7, a_east_e7, b_north_e7, b_east_e7) * 3.6e6 / (b_us - a_us)


@light_part
def _oldest(track, first, fix, after_us):
    # The earliest good fix later than `after_us`, at `fix` or before it.
    oldest = row = fix
    while row > first and track.time_us[row - 1] > after_us:
        row -= 1
        if track.placed[row]:
            oldest = row
    return oldest


@light_part
def _mean_fix(track, begin, end):
    # The mean time, latitude and longitude of the good fixes, one for each instant. Sums are whole numbers relative
    # to the first row, so the mean is exact wherever the place is.
    origin_us = track.time_us[begin]
    origin = begin
    count = later_us = north_e7 = east_e7 = np.int64(0)
    counted_us = origin_us - 1
    for row in range(begin, end):
        if not track.placed[row] or track.time_us[row] == counted_us:
            continue
        if count == 0:
            origin = row
        counted_us = track.time_us[row]
        count += 1
        later_us += counted_us - origin_us
        north_e7 += np.int64(track.latitude_e7[row]) - np.int64(track.latitude_e7[origin])
        east_e7 += np.int64(track.longitude_e7[row]) - np.int64(track.longitude_e7[origin])
    return (
        origin_us + later_us / count,
        np.int64(track.latitude_e7[origin]) + (2 * north_e7 + count) // (2 * count),
        np.int64(track.longitude_e7[origin]) + (2 * east_e7 + count) // (2 * count),
    )
