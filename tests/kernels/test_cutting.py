from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.cutting import Source, Stretches, arrivals, paste, room
from tests.builders import examples
from tests.kernels.naive import cutting as naive

TIMES = st.integers(0, 40).map(lambda seconds: seconds * 1_000_000) | st.integers(0, 10**10)
DELAYS = st.sampled_from((0, 1, 40_000, 1_000_000)) | st.integers(-(10**6), 10**10)
GROUPS = st.lists(st.lists(st.tuples(TIMES, DELAYS), min_size=1, max_size=40), min_size=1, max_size=4)


@given(GROUPS)
@settings(deadline=None, max_examples=examples(40, 100))
def test_arrivals_are_those_of_the_naive_version(groups):
    groups = [sorted(rows) for rows in groups]
    starts = np.cumsum([0, *map(len, groups)])
    time_us = np.array([at_us for rows in groups for at_us, _ in rows])
    received_us = time_us + np.array([delay_us for rows in groups for _, delay_us in rows])
    found = arrivals(starts, time_us, received_us)
    for group, (first, end) in enumerate(pairwise(starts)):
        expected = naive.arrivals(time_us[first:end].tolist(), received_us[first:end].tolist())
        assert [column[group] for column in found] == pytest.approx(expected, rel=1e-12, abs=1e-9, nan_ok=True)


def test_quantiles_of_many_delays_are_exact_wherever_the_sample_fell():
    random = np.random.default_rng(3)
    batches = np.repeat(random.exponential(1e5, 5_000).astype(np.int64), 10) + np.tile(np.arange(10, 0, -1), 5_000)
    for delays in (batches, np.sort(batches), np.full(50_000, 7), np.where(batches % 2, 5, 9 * 10**9)):
        time_us = np.arange(delays.size) * 1_000_000
        found = arrivals(np.array([0, delays.size]), time_us, time_us + delays)
        for value, share in ((found.median_delay_s, 0.5), (found.p95_delay_s, 0.95)):
            assert value[0] == pytest.approx(np.quantile(delays / 1e6, share), rel=1e-12)


def test_stretches_land_where_they_belong_and_nowhere_else():
    source = Source(
        np.arange(6) * 1000,
        np.arange(6, dtype=np.int32),
        -np.arange(6, dtype=np.int32),
        np.array([0, 101, 202, 303, 404, 505], np.int16),
        np.array([True, True, False, True, True, True]),
        np.array([1, 0, -1, 1, 0, -1], np.int8),
        np.arange(6) + 7,
    )
    target = room(5)
    for column in target:
        column[:] = 99
    paste(Stretches(np.array([1, 5]), np.array([4, 6]), np.array([1, 0])), source, target)
    assert target.time_us.tolist() == [5_000_000, 1_000_000, 2_000_000, 3_000_000, 99]
    assert target.latitude_e7.tolist() == [5, 1, 2, 3, 99]
    assert target.longitude_e7.tolist() == [-5, -1, -2, -3, 99]
    assert target.speed_kmh.tolist()[:2] == [np.float32(5.05), np.float32(1.01)]
    assert np.isnan(target.speed_kmh[2])
    assert target.ignition.tolist() == [-1, 0, -1, 1, 99]
    assert target.received_us.tolist() == [12, 8, 9, 10, 99]
