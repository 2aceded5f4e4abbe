import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from kernels.geometry import hop_m, metres_between
from tests.kernels.naive.geometry import metres

LATITUDES_E7 = st.integers(-900_000_000, 900_000_000)
LONGITUDES_E7 = st.integers(-1_800_000_000, 1_800_000_000)
PLACES_E7 = st.tuples(LATITUDES_E7, LONGITUDES_E7)


@njit
def hops(places, others, result):
    for row in range(result.size):
        result[row] = hop_m(places[row, 0], places[row, 1], others[row, 0], others[row, 1])


def hop(a, b):
    result = np.zeros(1)
    hops(np.array([a], dtype=np.int32), np.array([b], dtype=np.int32), result)
    return float(result[0])


def haversine(a, b):
    return float(metres_between(*(np.array([part], dtype=np.int32) for part in (*a, *b)))[0])


def test_the_reference_distance_in_new_york():
    a, b = (407_484_410, -739_856_640), (407_588_960, -739_851_300)
    assert haversine(a, b) == pytest.approx(1163.41, abs=0.005)
    assert hop(a, b) == pytest.approx(1163.41, abs=0.005)


@given(PLACES_E7, PLACES_E7)
@settings(deadline=None)
def test_haversine_agrees_with_the_textbook(a, b):
    assert haversine(a, b) == pytest.approx(metres(a, b), rel=1e-12, abs=1e-6)


@given(PLACES_E7, st.integers(-1_100_000, 1_100_000), st.integers(-1_100_000, 1_100_000))
@settings(deadline=None)
def test_a_hop_is_as_long_as_by_haversine(a, north_e7, east_e7):
    latitude_e7 = max(-900_000_000, min(900_000_000, a[0] + north_e7))
    longitude_e7 = (a[1] + east_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    b = latitude_e7, longitude_e7
    assert hop(a, b) == pytest.approx(metres(a, b), rel=2e-6, abs=1e-4)


def test_two_opposite_places_are_half_a_circumference_apart():
    assert haversine((0, 0), (0, 1_800_000_000)) == pytest.approx(20_015_114.4, abs=1)


def test_a_hop_across_the_180th_meridian_is_short():
    assert hop((0, 1_799_999_000), (0, -1_799_999_000)) == pytest.approx(22.24, abs=0.01)
