"""How fast was the van where no speed was sent?

A missing speed is the one needed for the hop around the row:

    from the last good fix, at the row or before it, to the next one after it
    for a row with a fix of its own, else from the good fix before

A hop counts only if it is no longer than `gap_max_us`; otherwise the speed stays NaN. A speed that
was sent is never changed. Call it with the fixes judged by `kernels.places`.
"""

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.geometry import hop_m
from kernels.track import Limits, Speeds, Track, checked, checked_limits


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
                speed_kmh[row] = _hop_kmh(track, last, after, gap_max_us[group])
            if np.isnan(speed_kmh[row]) and last == row and before >= 0:
                speed_kmh[row] = _hop_kmh(track, before, last, gap_max_us[group])


@part
def _next_fix(track, row, end):
    # The next good fix at a later time; `end`, the end of the group, if there is none.
    for other in range(row + 1, end):
        if track.placed[other] and track.time_us[other] > track.time_us[row]:
            return other
    return end


@part
def _hop_kmh(track, a, b, gap_max_us):
    if track.time_us[b] - track.time_us[a] > gap_max_us:
        return np.nan
    metres = hop_m(track.latitude_e7[a], track.longitude_e7[a], track.latitude_e7[b], track.longitude_e7[b])
    return metres * 3.6e6 / (track.time_us[b] - track.time_us[a])
