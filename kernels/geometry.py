"""How many metres are between two places?

Places are degrees times 10 000 000 in int32, which is 11 mm at the equator; float32 degrees would
cost 0.3 % of a distance between two fixes. The earth is a sphere with the mean radius.

`haversine_m` holds for any two places. `hop_m`, for the hops between fixes, takes the flat distance
with the cosine of the middle latitude where that is exact enough: against haversine its relative
error is below 2e-7 up to 10 km, and it needs no trigonometric call. Longer hops and high latitudes
go to `haversine_m`.
"""

import math

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.track import Degrees, Metres, column

EARTH_RADIUS_M = 6_371_008.8
RADIANS_PER_E7 = math.pi / 180 / 1e7
FULL_TURN_E7 = 3_600_000_000
HALF_TURN_E7 = 1_800_000_000
SHORT_E7 = 1_000_000  # 0.1 degree, 11 km: where the flat distance is still exact to 2e-7
HIGH_LATITUDE_E7 = 700_000_000  # 70 degrees: nearer to the poles meridians converge too fast for it


def metres_between(
    latitude_a_e7: Degrees, longitude_a_e7: Degrees, latitude_b_e7: Degrees, longitude_b_e7: Degrees
) -> Metres:
    """Return float64 (n,): haversine metres between places a and b, each int32 (n,)."""
    size = np.asarray(latitude_a_e7).size
    places = [
        column("latitude_a_e7", latitude_a_e7, np.int32),
        column("longitude_a_e7", longitude_a_e7, np.int32, size),
        column("latitude_b_e7", latitude_b_e7, np.int32, size),
        column("longitude_b_e7", longitude_b_e7, np.int32, size),
    ]
    metres = np.empty(size, dtype=np.float64)
    _metres_between(*places, metres)
    return metres


@kernel
def _metres_between(latitude_a_e7, longitude_a_e7, latitude_b_e7, longitude_b_e7, metres):
    for row in prange(metres.size):
        metres[row] = haversine_m(latitude_a_e7[row], longitude_a_e7[row], latitude_b_e7[row], longitude_b_e7[row])


@light_part
def haversine_m(latitude_a_e7, longitude_a_e7, latitude_b_e7, longitude_b_e7):
    """Great-circle metres between any two places (haversine formula)."""
    latitude_a, latitude_b = latitude_a_e7 * RADIANS_PER_E7, latitude_b_e7 * RADIANS_PER_E7
    half_rise = math.sin((latitude_b - latitude_a) / 2)
    half_run = math.sin((np.int64(longitude_b_e7) - np.int64(longitude_a_e7)) * RADIANS_PER_E7 / 2)
    chord = half_rise * half_rise + math.cos(latitude_a) * math.cos(latitude_b) * half_run * half_run
    # Rounding can lift the chord of two opposite places above 1.
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(chord, 1.0)))


@light_part
def hop_m(latitude_a_e7, longitude_a_e7, latitude_b_e7, longitude_b_e7):
    """Metres between two places that are usually near each other, as two fixes of a van are."""
    rise_e7 = np.int64(latitude_b_e7) - np.int64(latitude_a_e7)
    run_e7 = np.int64(longitude_b_e7) - np.int64(longitude_a_e7)
    if run_e7 > HALF_TURN_E7:  # across the 180th meridian
        run_e7 -= FULL_TURN_E7
    elif run_e7 < -HALF_TURN_E7:
        run_e7 += FULL_TURN_E7
    if abs(rise_e7) > SHORT_E7 or abs(run_e7) > SHORT_E7 or abs(np.int64(latitude_a_e7)) > HIGH_LATITUDE_E7:
        return haversine_m(latitude_a_e7, longitude_a_e7, latitude_b_e7, longitude_b_e7)
    middle = (np.int64(latitude_a_e7) + np.int64(latitude_b_e7)) * (RADIANS_PER_E7 / 2)
    east_e7 = run_e7 * cosine(middle)
    return EARTH_RADIUS_M * RADIANS_PER_E7 * math.sqrt(east_e7 * east_e7 + rise_e7 * rise_e7)


@light_part
def cosine(angle):
    """The cosine of up to 71 degrees, in radians, to 5e-10."""
    # Taylor series to the 14th power: a third of the time of math.cos in this place. It multiplies by reciprocals,
    # because a processor divides several times slower.
    q = angle * angle
    series = 1 - q * (1 / 182)
    series = 1 - q * (1 / 132) * series
    series = 1 - q * (1 / 90) * series
    series = 1 - q * (1 / 56) * series
    series = 1 - q * (1 / 30) * series
    series = 1 - q * (1 / 12) * series
    return 1 - q * (1 / 2) * series
