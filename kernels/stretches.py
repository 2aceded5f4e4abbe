"""How many metres are along a stretch of rows, from place to place?

The simple way adds up hop by hop (`hop_at`). `metres_along` adds up blocks of rows in whole 256ths of 1e-7 degrees:
integers have one sum in any order, so the processor may take 8 to 16 hops at a time, and no fast-math is needed. Within
a block the cosine of the latitude follows a straight line from its middle. Against haversine that is exact to 2e-5,
and 0.022 mm for each hop, which is half a unit, for hops below 360 m up to 70 degrees of latitude; other blocks are
added up hop by hop.
"""

import math

import numpy as np

from kernels.compiled import light_part
from kernels.geometry import EARTH_RADIUS_M, HIGH_LATITUDE_E7, RADIANS_PER_E7, hop_m

BLOCK_ROWS = 128
PIECE_ROWS = 32  # as many as the processor takes at a time, or a multiple of it
WIDE_E7 = 1 << 15  # 360 m of latitude: so many longer hops would not fit the sum, nor the straight line of the cosine
UNITS_PER_E7 = np.float32(256)
METRES_PER_UNIT = EARTH_RADIUS_M * RADIANS_PER_E7 / 256
# Numba takes the sum of two small integers for a large one, and loops over signed numbers ask whether each is negative:
# both would keep the processor from taking many rows at a time.
ROW = np.uintp
ZERO, ONE, SIGN_BIT, HALF = np.int32(0), np.int32(1), np.int32(31), np.float32(0.5)
C2, C4, C6, C8, C10, C12 = (sign / math.factorial(n) for sign, n in zip((-1, 1) * 3, range(2, 13, 2), strict=True))
S3, S5, S7, S9, S11 = (sign / math.factorial(n) for sign, n in zip((-1, 1, -1, 1, -1), range(3, 12, 2), strict=True))


@light_part
def metres_along(latitude_e7, longitude_e7, row, end):
    """Metres from row to row, from `row` to `end`."""
    metres = 0.0
    while row < end:
        block_end = min(row + BLOCK_ROWS, end)
        block_m = _block_m(latitude_e7, longitude_e7, row, block_end)
        if block_m < 0:
            block_m = 0.0
            for i in range(row, block_end):
                block_m += hop_at(latitude_e7, longitude_e7, i)
        metres += block_m
        row = block_end
    return metres


@light_part
def hop_at(latitude_e7, longitude_e7, row):
    """Metres from this row to the next, from the formula for any two fixes."""
    return hop_m(latitude_e7[row], longitude_e7[row], latitude_e7[row + 1], longitude_e7[row + 1])


@light_part
def _block_m(latitude_e7, longitude_e7, row, end):
    # Metres of the hops from rows row..end - 1, or -1 where a hop is too long for this.
    middle_e7 = latitude_e7[(row + end) >> 1]
    if abs(np.int64(middle_e7)) > HIGH_LATITUDE_E7:
        return -1.0
    middle = middle_e7 * RADIANS_PER_E7
    q = middle * middle
    # Taylor series, exact to 2e-9 up to 70 degrees: calls of math.cos and math.sin took as long as 100 rows.
    cosine = np.float32(1 + q * (C2 + q * (C4 + q * (C6 + q * (C8 + q * (C10 + q * C12))))))
    sine = middle * (1 + q * (S3 + q * (S5 + q * (S7 + q * (S9 + q * S11)))))
    # By how much the cosine falls for each unit of the sum of two latitudes, which is twice the one between them.
    fall = np.float32(sine * (RADIANS_PER_E7 / 2))
    twice_e7 = np.int32(2 * middle_e7)
    units, widest = ZERO, ZERO
    whole = end - (end - row) % PIECE_ROWS if end >= PIECE_ROWS else end
    for i in range(ROW(row), ROW(whole)):
        hop, width = _hop(latitude_e7, longitude_e7, i, twice_e7, cosine, fall)
        units, widest = np.int32(units + hop), np.int32(widest | width)
    if whole < end:
        # Rows left over are done one by one otherwise: so the last piece begins with rows that do not count.
        first, here = ROW(end - PIECE_ROWS), np.int32(end - PIECE_ROWS - whole)
        for k in range(ROW(PIECE_ROWS)):
            hop, width = _hop(latitude_e7, longitude_e7, first + k, twice_e7, cosine, fall)
            units = np.int32(units + (hop if here >= ZERO else ZERO))
            widest = np.int32(widest | (width if here >= ZERO else ZERO))
            here = np.int32(here + ONE)
    return units * METRES_PER_UNIT if widest < WIDE_E7 else -1.0


@light_part
def _hop(latitude_e7, longitude_e7, i, twice_e7, cosine, fall):
    # Units to the next row, and a number with the bits of how far it is north and east.
    north_a, north_b = latitude_e7[i], latitude_e7[i + ROW(1)]
    rise = np.int32(north_b - north_a)
    run = np.int32(longitude_e7[i + ROW(1)] - longitude_e7[i])
    # One of its bits from the 15th up is set where that of a rise or run is, of either sign.
    width = np.int32(np.int32(rise ^ np.int32(rise >> SIGN_BIT)) | np.int32(run ^ np.int32(run >> SIGN_BIT)))
    above = np.float32(np.int32(np.int32(north_a + north_b) - twice_e7))
    east = np.float32(run) * (cosine - fall * above)
    north = np.float32(rise)
    hop = np.float32(math.sqrt(east * east + north * north))
    return np.int32(UNITS_PER_E7 * hop + HALF), width
