"""Which columns does every kernel read, and do they fit together?

A track is sorted by group, then by time. Row i of a group stands for the interval from its time to
the time of the next row; the last row of a group has no interval.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import DTypeLike, NDArray

from kernels.compiled import kernel

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Degrees = NDArray[np.int32]
Metres = NDArray[np.float64]
Speeds = NDArray[np.float32]
Flags = NDArray[np.bool_]


class Track(NamedTuple):
    """Positions sorted by group, then by time.

    starts        int64 (n_groups + 1,)  first row of each group, then the row count
    time_us       int64 (n_rows,)        Unix time, never decreasing within a group
    latitude_e7   int32 (n_rows,)        degrees times 10 000 000; 0 where not placed
    longitude_e7  int32 (n_rows,)        the same
    placed        bool (n_rows,)         a position is present and of good quality
    speed_kmh     float32 (n_rows,)      NaN where none was sent
    engine        int8 (n_rows,)         1 on (an electric van: ready), 0 off, -1 not known
    odometer_m    float64 (n_rows,)      NaN where none was sent
    """

    starts: Ints
    time_us: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    placed: Flags
    speed_kmh: Speeds
    engine: Codes
    odometer_m: Metres


class Limits(NamedTuple):
    """What differs from van to van.

    gap_max_us  int64 (n_groups,)    a longer silence with the engine not off is unknown
    stop_kmh    float32 (n_groups,)  standing up to and including this speed
    electric    bool (n_groups,)     standing with the engine on is ready, not idle
    """

    gap_max_us: Ints
    stop_kmh: Speeds
    electric: Flags


_TRACK_TYPES = (np.int64, np.int64, np.int32, np.int32, np.bool_, np.float32, np.int8, np.float64)
_LIMIT_TYPES = (np.int64, np.float32, np.bool_)


def column(name: str, array: object, dtype: DTypeLike, size: int | None = None) -> Any:
    """Return a read-only view of a one-dimensional array, or raise naming the argument.

    Kernels see read-only views only: numba compiles anew for each combination of writable and
    read-only arguments, and columns that come from Arrow memory are read-only.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: expected a numpy array, got {type(array).__name__}")
    if array.dtype != np.dtype(dtype):
        raise TypeError(f"{name}: expected {np.dtype(dtype)}, got {array.dtype}")
    if array.ndim != 1 or (size is not None and array.size != size):
        expected = "(n,)" if size is None else f"({size},)"
        raise ValueError(f"{name}: expected shape {expected}, got {array.shape}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name}: expected contiguous, aligned memory")
    view = array.view()
    view.flags.writeable = False
    return view


def columns(values: Any, types: tuple[DTypeLike, ...], size: int) -> list[Any]:
    """Check the fields of a named tuple of equally long columns, as `column` does."""
    named = zip(values._fields, values, types, strict=True)
    return [column(name, value, dtype, size) for name, value, dtype in named]


def checked(track: Track) -> Track:
    """Return the track as read-only views; raise TypeError or ValueError where it does not fit."""
    track = shaped(track)
    if _groups_out_of_order(track.starts, track.time_us):
        raise ValueError("time_us: decreases within a group")
    engine = track.engine
    if engine.size and (engine.min() < -1 or engine.max() > 1):
        raise ValueError("engine: expected -1, 0 or 1")
    return track


def shaped(track: Track) -> Track:
    """Do as `checked` does, but without a look at the rows: for kernels that follow one that did look."""
    starts = column("starts", track.starts, np.int64)
    if starts.size == 0:
        raise ValueError("starts: expected at least one element, the row count")
    time_us = column("time_us", track.time_us, np.int64)
    named = zip(track._fields[1:], track[1:], _TRACK_TYPES[1:], strict=True)
    rows = [column(name, value, dtype, time_us.size) for name, value, dtype in named]
    if starts[0] != 0 or starts[-1] != time_us.size or np.any(starts[1:] < starts[:-1]):
        raise ValueError(f"starts: expected to rise from 0 to the row count, {time_us.size}")
    return Track(starts, *rows)


def checked_limits(limits: Limits, group_count: int) -> Limits:
    """Return the limits as read-only views, one element for each group."""
    return Limits(*columns(limits, _LIMIT_TYPES, group_count))


def starts_of_groups(group: Ints, group_count: int) -> Ints:
    """Return int64 (group_count + 1,): where each group begins in a sorted column of group numbers."""
    return np.searchsorted(group, np.arange(group_count + 1)).astype(np.int64)


def firsts_of(starts: Ints, counts: Ints) -> Ints:
    """Return the numbers of the first `counts` elements of each group."""
    before = np.cumsum(counts) - counts
    result: Ints = np.arange(int(counts.sum())) + np.repeat(starts[:-1] - before, counts)
    return result


@kernel
def _groups_out_of_order(starts, time_us):
    wrong = 0
    for group in prange(starts.size - 1):
        for row in range(starts[group] + 1, starts[group + 1]):
            if time_us[row] < time_us[row - 1]:
                wrong += 1
    return wrong
