"""Which values lie at some places of a column? Asked of all processors at once.

NumPy answers with one of them, and what one does alone is what two cannot halve: gathering runs and stands took a sixth
of the time of the full ledger on two threads (2026-11).
"""

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel
from kernels.track import Ints, column

Table = NDArray[np.int64]
BLOCK = 4_096  # places a thread takes at a time


def firsts_in(values: Table, starts: Ints, to_starts: Ints) -> Table:
    """Return int64 (n_columns, n_found): of each column the first values of each group, one group after the other.

    values     int64 (n_rows, n_columns)
    starts     int64 (n_groups + 1,)  where the rows of each group begin
    to_starts  int64 (n_groups + 1,)  where they shall begin: from 0 on, so many as there are
    """
    found = np.empty((values.shape[1], int(to_starts[-1])), np.int64)
    given = [column(name, array, np.int64) for name, array in (("starts", starts), ("to_starts", to_starts))]
    _copy(values, *given, found)
    return found


def values_at(values: NDArray[Any], rows: Ints) -> NDArray[Any]:
    """Return `values[rows]`; `values` are of 1, 2, 4 or 8 bytes each."""
    width = np.dtype(f"i{values.dtype.itemsize}")
    found = np.empty(rows.size, width)
    given = column("values", np.ascontiguousarray(values).view(width), width)
    _take(given, column("rows", rows, np.int64), found)
    return found.view(values.dtype)


@kernel
def _copy(values, starts, to_starts, found):
    for group in prange(to_starts.size - 1):
        first, to = starts[group], to_starts[group]
        for number in range(found.shape[0]):
            for place in range(to_starts[group + 1] - to):
                found[number, to + place] = values[first + place, number]


@kernel
def _take(values, rows, found):
    for block in prange(rows.size // BLOCK + 1):
        for place in range(block * BLOCK, min((block + 1) * BLOCK, rows.size)):
            found[place] = values[rows[place]]
