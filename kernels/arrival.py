"""In which order do rows that arrived anyhow belong, and which of them are repeats?

    devices and times, as they arrived  ->  rows in order, marked where a row ties with or repeats the one before it

`rows_in_order` sorts by device, then time, then by keys that the caller gives; a row that ties with the one before it
in all of them is a repeat. So the order is a matter of content: two rows that tie in everything differ in nothing the
caller told us of, and only they keep the order they came in.

The simple way sorts all rows by all columns (`simple_order`, `np.lexsort`). Telemetry comes nearly in order, though:
each device sends one thing after the other, devices take turns, and a few rows are late. So rows are dealt to their
devices in one pass (a counting sort), each device's rows are split into those later than all before and the late ones,
only the late ones are sorted, and the two lists are merged. Keys are looked at where rows tie, which few do.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import get_num_threads, prange
from numpy.typing import NDArray

from kernels.compiled import kernel, light_part
from kernels.track import Flags, Ints, column

SORTED_ALONE = 16  # so few rows are sorted by inserting one after the other


class Order(NamedTuple):
    """Rows by device, then time, then keys.

    row        int64 (n_rows,)  the number of the row among those given
    is_tied    bool (n_rows,)   of the same device and time as the row before it in this order
    is_repeat  bool (n_rows,)   and all keys are equal, too
    """

    row: Ints
    is_tied: Flags
    is_repeat: Flags


def rows_in_order(device: NDArray[np.int32], time: Ints, device_count: int, keys: Sequence[NDArray[Any]] = ()) -> Order:
    """Sort rows by device, time and keys.

    device  int32 (n_rows,)  from 0 to device_count - 1
    time    int64 (n_rows,)  in any unit
    keys    columns of any dtype numpy sorts, without NaN; the first decides first
    """
    device = column("device", device, np.int32)
    time = column("time", time, np.int64, device.size)
    chunk_count = get_num_threads()
    counts = np.zeros((chunk_count, device_count + 1), np.int64)
    if _count_in_chunks(device, device_count, counts):
        raise ValueError(f"device: expected numbers from 0 to {device_count - 1}")
    counts = counts[:, :device_count]
    starts = np.append(0, np.cumsum(counts.sum(axis=0)))
    places = starts[:-1] + np.cumsum(counts, axis=0) - counts
    dealt = _rows(device.size)
    _deal(device, time, places, *dealt)
    order, is_tied = np.empty(device.size, np.int64), np.empty(device.size, np.bool_)
    _sort_devices(starts, *dealt, *_rows(device.size), *_rows(device.size), order, is_tied)
    return _with_keys(order, is_tied, keys)


def simple_order(device: NDArray[np.int32], time: Ints, device_count: int, keys: Sequence[NDArray[Any]] = ()) -> Order:
    """Sort all rows by all columns: the same order."""
    row = np.lexsort((*reversed(keys), time, device))
    is_tied, is_repeat = np.zeros(row.size, np.bool_), np.zeros(row.size, np.bool_)
    is_tied[1:] = np.diff(device[row]) == 0
    is_tied[1:] &= np.diff(time[row]) == 0
    is_repeat[1:] = is_tied[1:]
    for key in keys:
        is_repeat[1:] &= key[row][1:] == key[row][:-1]
    return Order(row, is_tied, is_repeat)


def _rows(size: int) -> tuple[Ints, NDArray[np.int32]]:
    """Room for the times and numbers of rows."""
    if size > np.iinfo(np.int32).max:
        raise ValueError(f"{size} rows: expected fewer than 2 147 483 648 at a time")
    return np.empty(size, np.int64), np.empty(size, np.int32)


def _with_keys(row: Ints, is_tied: Flags, keys: Sequence[NDArray[Any]]) -> Order:
    """Sort rows that tie by their keys."""
    if not keys or not is_tied.any():
        return Order(row, is_tied, is_tied.copy())
    of_tie = is_tied.copy()
    of_tie[:-1] |= is_tied[1:]
    place = np.flatnonzero(of_tie)
    tied = is_tied[place]
    dealt = [key[row[place]] for key in keys]
    sort = np.lexsort((*reversed(dealt), np.cumsum(~tied)))
    row[place] = row[place][sort]
    repeats = tied.copy()
    for values in dealt:
        values = values[sort]
        repeats[1:] &= values[1:] == values[:-1]
    is_repeat = np.zeros(row.size, np.bool_)
    is_repeat[place] = repeats
    return Order(row, is_tied, is_repeat)


@kernel
def _count_in_chunks(device, device_count, counts):
    # Counts the rows of each device in each chunk; returns how many are of no device.
    chunk_count = counts.shape[0]
    foreign = 0
    for chunk in prange(chunk_count):
        for i in range(device.size * chunk // chunk_count, device.size * (chunk + 1) // chunk_count):
            if 0 <= device[i] < device_count:
                counts[chunk, device[i]] += 1
            else:
                foreign += 1
    return foreign


@kernel
def _deal(device, time, places, dealt_time, dealt_row):
    # Rows of one device stay in the order they came in: chunks follow each other within it.
    chunk_count = places.shape[0]
    for chunk in prange(chunk_count):
        for i in range(device.size * chunk // chunk_count, device.size * (chunk + 1) // chunk_count):
            place = places[chunk, device[i]]
            places[chunk, device[i]] = place + 1
            dealt_time[place] = time[i]
            dealt_row[place] = i


@kernel
def _sort_devices(starts, time, row, late_time, late_row, spare_time, spare_row, order, is_tied):
    for device in prange(starts.size - 1):
        first, end = starts[device], starts[device + 1]
        late = _split(time, row, first, end, late_time, late_row)
        _sort(late_time, late_row, first, first + late, spare_time, spare_row)
        _merge(time, row, first, end - late, late_time, late_row, first, first + late, order, is_tied)


@light_part
def _split(time, row, first, end, late_time, late_row):
    # Moves rows that are not later than all before them to the late list; returns how many those are.
    kept, late = first, first
    for i in range(first, end):
        if kept == first or time[i] > time[kept - 1]:
            time[kept], row[kept] = time[i], row[i]
            kept += 1
        else:
            late_time[late], late_row[late] = time[i], row[i]
            late += 1
    return late - first


@light_part
def _sort(time, row, first, end, spare_time, spare_row):
    # Merge sort; rows of one time stay in the order they came in.
    for begin in range(first, end, SORTED_ALONE):
        for i in range(begin + 1, min(begin + SORTED_ALONE, end)):
            moved_time, moved_row = time[i], row[i]
            j = i
            while j > begin and time[j - 1] > moved_time:
                time[j], row[j] = time[j - 1], row[j - 1]
                j -= 1
            time[j], row[j] = moved_time, moved_row
    size = SORTED_ALONE
    while size < end - first:
        for begin in range(first, end, 2 * size):
            middle, stop = min(begin + size, end), min(begin + 2 * size, end)
            _merge_pair(time, row, begin, middle, stop, spare_time, spare_row)
        size *= 2


@light_part
def _merge_pair(time, row, begin, middle, stop, spare_time, spare_row):
    if middle >= stop or time[middle - 1] <= time[middle]:
        return
    for i in range(begin, middle):
        spare_time[i], spare_row[i] = time[i], row[i]
    a, b = begin, middle
    for place in range(begin, stop):
        if a == middle:
            break
        if b < stop and time[b] < spare_time[a]:
            time[place], row[place] = time[b], row[b]
            b += 1
        else:
            time[place], row[place] = spare_time[a], spare_row[a]
            a += 1


@light_part
def _merge(time, row, a, a_end, late_time, late_row, b, b_end, order, is_tied):
    # A late row that has the time of one of the others came after it, or that one would not have been the latest.
    first, before = a, np.int64(0)
    for place in range(first, a_end + b_end - b):
        if b == b_end or (a < a_end and time[a] <= late_time[b]):
            now, order[place] = time[a], row[a]
            a += 1
        else:
            now, order[place] = late_time[b], late_row[b]
            b += 1
        is_tied[place] = place > first and now == before
        before = now
