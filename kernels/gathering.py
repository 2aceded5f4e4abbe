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

BLOCK = 4_096  # places a thread takes at a time


def firsts_in(values: NDArray[Any], starts: Ints, to_starts: Ints) -> NDArray[Any]:
    """Return the first values of each group, one group after the other.

    starts     int64 (n_groups + 1,)  where the values of each group begin
    to_starts  int64 (n_groups + 1,)  where they shall begin: from 0 on, so many as there are
    """
    found = np.empty(int(to_starts[-1]), values.dtype)
    given = [column(name, array, np.int64) for name, array in (("starts", starts), ("to_starts", to_starts))]
    _copy(column("values", values, values.dtype), *given, found)
    return found


def values_at(values: Ints, rows: Ints) -> Ints:
    """Return int64 (n,): the values at these rows."""
    found = np.empty(rows.size, np.int64)
    _take(column("values", values, np.int64), column("rows", rows, np.int64), found)
    return found


@kernel
def _copy(values, starts, to_starts, found):
    for group in prange(to_starts.size - 1):
        first, to = starts[group], to_starts[group]
        for place in range(to_starts[group + 1] - to):
            found[to + place] = values[first + place]


@kernel
def _take(values, rows, found):
    for block in prange(rows.size // BLOCK + 1):
        for place in range(block * BLOCK, min((block + 1) * BLOCK, rows.size)):
            found[place] = values[rows[place]]
