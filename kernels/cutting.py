"""How do rows of sorted files become groups, and how late were they?

Files of the lake are sorted by device and fix time, so the rows of a van are a few stretches of neighbours. `paste`
puts such stretches, and with them the units kernels read, where the groups want them. `arrivals` says of each group
whether its times rise, and how late its rows were.

Quantiles are found without sorting every value: all are counted in bins, and only the bins that hold a rank are sorted.
"""

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel, part
from kernels.track import Codes, Degrees, Flags, Ints, Speeds, column

BINS = 2048
SAMPLE = 256
MINUTE_US = 60_000_000


class Stretches(NamedTuple):
    """Neighbouring rows of one source and where they go; every field is int64 of shape (n_stretches,)."""

    first_row: Ints
    end_row: Ints
    to_row: Ints


class Source(NamedTuple):
    """Columns of a row group as the lake has them; `speed_known` has no elements where every speed is known."""

    fix_ms: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    speed_ckmh: NDArray[np.int16]
    speed_known: Flags
    ignition: Codes
    received_us: Ints


class Pasted(NamedTuple):
    """The same columns of all groups, as kernels read them; a speed that was not sent is NaN."""

    time_us: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    speed_kmh: Speeds
    ignition: Codes
    received_us: Ints


class Arrivals(NamedTuple):
    """What is known of each group; the shape is (n_groups,).

    rises                  bool     every time is later than the one before it
    median_step_us         float64  median of the steps from time to time that are not 0; NaN without
    median_delay_s         float64  of receipt after fix, as SQL's quantile_cont says
    p95_delay_s            float64
    peak_messages_per_min  int64    most distinct times of receipt within one minute
    """

    rises: Flags
    median_step_us: NDArray[np.float64]
    median_delay_s: NDArray[np.float64]
    p95_delay_s: NDArray[np.float64]
    peak_messages_per_min: Ints


_SOURCE_TYPES = (np.int64, np.int32, np.int32, np.int16, np.bool_, np.int8, np.int64)


def room(row_count: int) -> Pasted:
    """Arrays to paste into."""
    time_us, received_us = np.empty(row_count, np.int64), np.empty(row_count, np.int64)
    latitude_e7, longitude_e7 = np.empty(row_count, np.int32), np.empty(row_count, np.int32)
    speed_kmh, ignition = np.empty(row_count, np.float32), np.empty(row_count, np.int8)
    return Pasted(time_us, latitude_e7, longitude_e7, speed_kmh, ignition, received_us)


def paste(stretches: Stretches, source: Source, target: Pasted) -> None:
    """Copy stretches of a source to where they belong in the target; nothing else of the target changes."""
    rows = [
        column(name, value, dtype) for name, value, dtype in zip(source._fields, source, _SOURCE_TYPES, strict=True)
    ]
    places = [column(name, value, np.int64) for name, value in zip(stretches._fields, stretches, strict=True)]
    _paste(*places, *rows, *target)


def arrivals(starts: Ints, time_us: Ints, received_us: Ints) -> Arrivals:
    """Look at the times of every group, whose rows are in order of fix time."""
    count = starts.size - 1
    found = Arrivals(
        np.zeros(count, np.bool_), np.empty(count), np.empty(count), np.empty(count), np.zeros(count, np.int64)
    )
    scratch = np.empty(time_us.size, np.int64)
    _arrivals(
        column("starts", starts, np.int64),
        column("time_us", time_us, np.int64),
        column("received_us", received_us, np.int64, time_us.size),
        scratch,
        *found,
    )
    return found


@kernel
def _paste(
    first_row, end_row, to_row, fix_ms, latitude_e7, longitude_e7, speed_ckmh, speed_known, ignition, received_us,
    to_time_us, to_latitude_e7, to_longitude_e7, to_speed_kmh, to_ignition, to_received_us,
):  # fmt: skip
    for stretch in prange(first_row.size):
        # Unsigned, so that the loop needs no look at negative indices and is vectorised.
        first, end, to = np.uintp(first_row[stretch]), np.uintp(end_row[stretch]), np.uintp(to_row[stretch])
        for step in range(end - first):
            to_time_us[to + step] = fix_ms[first + step] * 1000
        for step in range(end - first):
            to_latitude_e7[to + step] = latitude_e7[first + step]
            to_longitude_e7[to + step] = longitude_e7[first + step]
        for step in range(end - first):
            to_speed_kmh[to + step] = np.float32(speed_ckmh[first + step] / 100.0)
        for step in range(end - first):
            to_ignition[to + step] = ignition[first + step]
        for step in range(end - first):
            to_received_us[to + step] = received_us[first + step]
        if speed_known.size:
            for step in range(end - first):
                if not speed_known[first + step]:
                    to_speed_kmh[to + step] = np.nan


@kernel
def _arrivals(
    starts, time_us, received_us, scratch, rises, median_step_us, median_delay_s, p95_delay_s, peak_messages_per_min
):
    for group in prange(starts.size - 1):
        first, end = starts[group], starts[group + 1]
        times, received, values = time_us[first:end], received_us[first:end], scratch[first:end]
        rises[group], median_step_us[group] = _steps(times, values)
        for row in range(np.uintp(values.size)):
            values[row] = received[row] - times[row]
        median_delay_s[group], p95_delay_s[group] = _median_and_p95_s(values)
        peak_messages_per_min[group] = _peak(received)


@part
def _steps(times, values):
    """Whether every time is later than the one before, and the median of the steps that are not 0."""
    if times.size < 2:
        return True, np.nan
    smallest, usual_count, usual = times[1] - times[0], 0, times[1] - times[0]
    for row in range(np.uintp(1), np.uintp(times.size)):
        step_us = times[row] - times[row - np.uintp(1)]
        values[row] = step_us
        smallest = min(smallest, step_us)
        usual_count += step_us == usual
    if smallest > 0 and 2 * usual_count > times.size:  # most trackers keep to their interval
        return True, float(usual)
    steps = np.sort(values[1:])
    steps = steps[np.searchsorted(steps, 1) :]
    return smallest > 0, np.median(steps) if steps.size else np.nan


@part
def _median_and_p95_s(values):
    """Quantiles of integers without sorting them all: those in the bins of a rank are sorted, the others counted.

    Bins lie where a sample says that the two ranks are; the first and the last take what is beyond.
    """
    if values.size == 0:
        return np.nan, np.nan
    # No multiple of 2, 3 or 5: points come in batches of such sizes, and the first of a batch waits longest.
    sample = np.sort(values[:: values.size // SAMPLE // 30 * 30 + 7].copy())
    low, high, shift = sample[sample.size * 2 // 5], sample[sample.size * 98 // 100], 0
    while (high - low) >> shift >= BINS - 2:
        shift += 1
    counts = np.zeros(BINS, np.int64)
    for value in values:
        counts[min(max((value - low) >> shift, -1), BINS - 2) + 1] += 1
    before = np.cumsum(counts) - counts
    is_asked = np.zeros(BINS, np.bool_)
    for share in (0.5, 0.95):
        rank = int(np.floor((values.size - 1) * share))
        for asked in (rank, min(rank + 1, values.size - 1)):
            is_asked[np.searchsorted(before, asked, "right") - 1] = True
    kept = np.empty(counts[is_asked].sum(), np.int64)
    size = 0
    for value in values:
        if is_asked[min(max((value - low) >> shift, -1), BINS - 2) + 1]:
            kept[size] = value
            size += 1
    kept.sort()
    median_s = _quantile_s(kept, counts, before, is_asked, 0.5)
    return median_s, _quantile_s(kept, counts, before, is_asked, 0.95)


@part
def _quantile_s(kept, counts, before, is_asked, share):
    size = before[-1] + counts[-1]
    place = (size - 1) * share
    rank = int(np.floor(place))
    low_s = _ranked(kept, counts, before, is_asked, rank) / 1e6
    if rank == place:
        return low_s
    return low_s + (_ranked(kept, counts, before, is_asked, rank + 1) / 1e6 - low_s) * (place - rank)


@part
def _ranked(kept, counts, before, is_asked, rank):
    """The value of a rank among all, from those kept: in order they follow each other as their bins do."""
    chosen = np.searchsorted(before, rank, "right") - 1
    skipped = 0
    for other in range(chosen):
        if is_asked[other]:
            skipped += counts[other]
    return kept[skipped + rank - before[chosen]]


@part
def _peak(received_us):
    """Most distinct values within one minute."""
    falls = 0
    for row in range(np.uintp(1), np.uintp(received_us.size)):
        falls += received_us[row] < received_us[row - np.uintp(1)]
    return _peak_of_sorted(np.sort(received_us) if falls else received_us)


@part
def _peak_of_sorted(times):
    peak, in_minute, next_minute_us = 0, 0, np.int64(0)
    for row in range(np.uintp(times.size)):
        if row == 0 or times[row] != times[row - np.uintp(1)]:
            if row == 0 or times[row] >= next_minute_us:
                next_minute_us = (times[row] // MINUTE_US + 1) * MINUTE_US
                in_minute = 0
            in_minute += 1
            peak = max(peak, in_minute)
    return peak
