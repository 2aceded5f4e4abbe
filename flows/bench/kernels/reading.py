"""How fast can this machine read the columns at all? No kernel that reads them once can be faster."""

from typing import Any

import numba
import numpy as np

from kernels.totals import Positions

CHUNKS = 64  # dealt to threads
compiled: Any = numba.njit(parallel=True, nogil=True, cache=True)  # of `Any` type: what it calls is never Python


def read_all(positions: Positions) -> int:
    """Add up every value of every column, and return the sum, so that nothing can be left out."""
    speeds = positions.speed_kmh.view(np.int32)  # as whole numbers, which may be added in any order
    columns = positions.latitude_e7, positions.longitude_e7, speeds, positions.engine
    total: int = _sum_of(positions.time_us, *columns)
    return total


def _sum_of_columns(time_us: Any, latitude_e7: Any, longitude_e7: Any, speed: Any, engine: Any) -> Any:
    total: Any = 0
    for chunk in numba.prange(CHUNKS):
        first = np.uintp(time_us.size * chunk // CHUNKS)
        end = np.uintp(time_us.size * (chunk + 1) // CHUNKS)
        time_sum, sum_of_four, sum_of_one = np.int64(0), np.int32(0), np.int8(0)
        for row in range(first, end):
            time_sum += time_us[row]
        for row in range(first, end):
            sum_of_four = np.int32(sum_of_four + latitude_e7[row])
        for row in range(first, end):
            sum_of_four = np.int32(sum_of_four + longitude_e7[row])
        for row in range(first, end):
            sum_of_four = np.int32(sum_of_four + speed[row])
        for row in range(first, end):
            sum_of_one = np.int8(sum_of_one + engine[row])
        total += time_sum + sum_of_four + sum_of_one
    return total


_sum_of = compiled(_sum_of_columns)
