"""Which vans were near a fuel purchase when it was made, and what did they do there?

A purchase is compared with every van of its tenant: the assigned van always gives a pair, another van only with a fix
within `NEAR_M` of the site in the hour before or after. Vans are looked up by binary search in time, so a purchase
costs what the fixes around it cost, not what the day holds.

Of another van only fixes within `NEAR_M` count, for anything. So it makes no difference which of its fixes further
away were handed in.
"""

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel, part
from kernels.geometry import EARTH_RADIUS_M, RADIANS_PER_E7, hop_m
from kernels.pump import (
    COULD_BE_UNSEEN,
    FIX_COUNT_3,
    FIX_COUNT_15,
    FIX_COUNT_60,
    GAP_US,
    MEASURES,
    MINUTE_US,
    NEAREST_10_M,
    NEAREST_15_M,
    NEAREST_60_M,
    NEAREST_OFFSET_S,
    SHIFT_H,
    SITE_M,
    at_the_pump,
    over_the_day,
    site_m,
)
from kernels.searching import first_at
from kernels.track import Degrees, Flags, Ints, Speeds, Track, checked, column, columns

HOUR_US = np.int64(3_600_000_000)
NEAR_M = 805.0  # half a mile: nobody further away is a candidate
SHIFT_M = 100.0  # and within this, ten minutes around, a purchase moved by whole hours would match
SHIFT_HOURS = 14
NEIGHBOUR_US = 2 * HOUR_US  # no fix for that long: the van may have been anywhere
UNSEEN_M_PER_S = 25.0  # 90 km/h as the crow flies
FUELLING_US = 2 * MINUTE_US  # nobody fuels in less


class Purchases(NamedTuple):
    """Purchases, one row for each instant at which one may have been made.

    time_us       int64 (n,)  0 where only the day is known
    timed         bool (n,)   an instant is known
    latitude_e7   int32 (n,)  of the site, degrees times 10 000 000; 0 where not placed
    longitude_e7  int32 (n,)
    placed        bool (n,)   the place of the site is known well enough for a distance
    day_from_us   int64 (n,)  the local day; the second exclusive
    day_to_us     int64 (n,)
    first_van     int64 (n,)  groups of the track that are vans of the tenant
    end_van       int64 (n,)
    assigned      int64 (n,)  group of the van it was charged to; -1 none
    """

    time_us: Ints
    timed: Flags
    latitude_e7: Degrees
    longitude_e7: Degrees
    placed: Flags
    day_from_us: Ints
    day_to_us: Ints
    first_van: Ints
    end_van: Ints
    assigned: Ints


class Presences(NamedTuple):
    """One row for each purchase and van, in their order.

    purchase  int64 (n_pairs,)
    van       int64 (n_pairs,)  group of the track
    measures  float64 (n_pairs, len(MEASURES))  NaN: not known, or no such thing
    """

    purchase: Ints
    van: Ints
    measures: NDArray[np.float64]


_PURCHASE_TYPES = (*(np.int64, np.bool_, np.int32, np.int32, np.bool_), *(np.int64,) * 5)


def presence(track: Track, level_pct: Speeds, purchases: Purchases) -> Presences:
    """Compare purchases with vans; `track` has one group for each van, `level_pct` float32 (n_rows,) NaN not sent."""
    track = checked(track)
    level_pct = column("level_pct", level_pct, np.float32, track.time_us.size)
    purchases = Purchases(*columns(purchases, _PURCHASE_TYPES, purchases.time_us.size))
    van_count = track.starts.size - 1
    ends = purchases.end_van
    if ends.size and (purchases.first_van.min() < 0 or ends.max() > van_count or np.any(ends < purchases.first_van)):
        raise ValueError(f"first_van, end_van: expected a range within 0 to {van_count}")
    offsets = np.concatenate([[0], np.cumsum(ends - purchases.first_van)]).astype(np.int64)
    is_pair = np.zeros(int(offsets[-1]), dtype=np.bool_)
    _find_pairs(track, purchases, offsets, is_pair)
    pairs = np.flatnonzero(is_pair)
    purchase = (np.searchsorted(offsets, pairs, side="right") - 1).astype(np.int64)
    van = (purchases.first_van[purchase] + pairs - offsets[purchase]).astype(np.int64)
    measures = np.full((pairs.size, len(MEASURES)), np.nan)
    _measure(track, level_pct, purchases, purchase, van, measures)
    return Presences(purchase, van, measures)


@kernel
def _find_pairs(track, purchases, offsets, is_pair):
    band_e7 = np.int64(NEAR_M / (EARTH_RADIUS_M * RADIANS_PER_E7)) + 1
    for purchase in prange(purchases.time_us.size):
        for van in range(purchases.first_van[purchase], purchases.end_van[purchase]):
            pair = offsets[purchase] + van - purchases.first_van[purchase]
            if van == purchases.assigned[purchase]:
                is_pair[pair] = True
                continue
            if not (purchases.timed[purchase] and purchases.placed[purchase]):
                continue
            site_e7, until_us = np.int64(purchases.latitude_e7[purchase]), purchases.time_us[purchase] + HOUR_US
            end = track.starts[van + 1]
            row = first_at(track.time_us, track.starts[van], end, purchases.time_us[purchase] - HOUR_US)
            while row < end and track.time_us[row] <= until_us:
                if track.placed[row] and abs(np.int64(track.latitude_e7[row]) - site_e7) <= band_e7:
                    metres = hop_m(
                        track.latitude_e7[row],
                        track.longitude_e7[row],
                        purchases.latitude_e7[purchase],
                        purchases.longitude_e7[purchase],
                    )
                    if metres <= NEAR_M:
                        is_pair[pair] = True
                        break
                row += 1


@kernel
def _measure(track, level_pct, purchases, purchase_of, van_of, measures):
    for pair in prange(purchase_of.size):
        purchase, van = purchase_of[pair], van_of[pair]
        found = measures[pair]
        is_assigned = van == purchases.assigned[purchase]
        _around(track, purchases, purchase, van, is_assigned, found)
        if is_assigned:
            over_the_day(track, level_pct, purchases, purchase, van, found)
            if purchases.timed[purchase]:
                at_the_pump(track, level_pct, purchases, purchase, van, found)
            if purchases.timed[purchase] and purchases.placed[purchase]:
                found[SHIFT_H] = _shift(track, purchases, purchase, van, found[NEAREST_15_M])
                found[COULD_BE_UNSEEN] = 1.0 if _may_be_unseen(track, purchases, purchase, van) else 0.0


@part
def _around(track, purchases, purchase, van, is_assigned, found):
    """Fixes and distances within an hour; of equally near fixes the one nearer in time, then the earlier one."""
    found[FIX_COUNT_60] = found[FIX_COUNT_15] = found[FIX_COUNT_3] = 0.0
    if not purchases.timed[purchase]:
        return
    at_us, end = purchases.time_us[purchase], track.starts[van + 1]
    row = first_at(track.time_us, track.starts[van], end, at_us - HOUR_US)
    while row < end and track.time_us[row] <= at_us + HOUR_US:
        after_us = track.time_us[row] - at_us
        if track.placed[row]:
            metres = site_m(track, purchases, purchase, row) if purchases.placed[purchase] else np.nan
            if is_assigned or metres <= NEAR_M:
                found[FIX_COUNT_60] += 1
                found[FIX_COUNT_15] += abs(after_us) <= 15 * MINUTE_US
                found[FIX_COUNT_3] += abs(after_us) <= 3 * MINUTE_US
                if abs(after_us) <= 10 * MINUTE_US and not found[NEAREST_10_M] <= metres:
                    found[NEAREST_10_M] = metres
                if abs(after_us) <= 15 * MINUTE_US and not found[NEAREST_15_M] <= metres:
                    found[NEAREST_15_M] = metres
                is_nearer = not found[NEAREST_60_M] <= metres
                if is_nearer or (metres == found[NEAREST_60_M] and abs(after_us) < abs(found[NEAREST_OFFSET_S]) * 1e6):
                    found[NEAREST_60_M] = metres
                    found[NEAREST_OFFSET_S] = np.nan if np.isnan(metres) else after_us / 1e6
        row += 1


@part
def _shift(track, purchases, purchase, van, nearest_15_m):
    """Whole hours by which the purchase would have to be moved for the van to be there: the fewest, later first."""
    if nearest_15_m <= SITE_M:
        return np.nan
    for hours in range(1, SHIFT_HOURS + 1):
        for sign in (1, -1):
            at_us, end = purchases.time_us[purchase] + sign * hours * HOUR_US, track.starts[van + 1]
            row = first_at(track.time_us, track.starts[van], end, at_us - 10 * MINUTE_US)
            while row < end and track.time_us[row] <= at_us + 10 * MINUTE_US:
                if track.placed[row] and site_m(track, purchases, purchase, row) <= SHIFT_M:
                    return float(sign * hours)
                row += 1
    return np.nan


@part
def _may_be_unseen(track, purchases, purchase, van):
    """Whether a silence was long enough to drive to the site, fuel there within 3 min of the purchase, and drive on."""
    at_us, start, end = purchases.time_us[purchase], track.starts[van], track.starts[van + 1]
    from_us, until_us = at_us - NEIGHBOUR_US, at_us + NEIGHBOUR_US
    before, before_us = -1, from_us
    row = first_at(track.time_us, start, end, from_us)
    while row <= end:
        is_last = row == end or track.time_us[row] > until_us
        if is_last or track.placed[row]:
            after_us = until_us if is_last else track.time_us[row]
            if after_us - before_us > GAP_US:
                arrived_us, left_us = before_us, after_us
                if before >= 0:
                    arrived_us += _drive_us(track, purchases, purchase, before)
                if not is_last:
                    left_us -= _drive_us(track, purchases, purchase, row)
                is_then = arrived_us <= at_us + 3 * MINUTE_US and left_us >= at_us - 3 * MINUTE_US
                if is_then and left_us - arrived_us >= FUELLING_US:
                    return True
            before, before_us = row, after_us
        if is_last:
            return False
        row += 1
    return False


@part
def _drive_us(track, purchases, purchase, row):
    return np.int64(max(site_m(track, purchases, purchase, row) - SITE_M, 0.0) / UNSEEN_M_PER_S * 1e6)
