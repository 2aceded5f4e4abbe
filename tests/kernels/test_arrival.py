import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrival import rows_in_order, simple_order

DEVICES = 4


@st.composite
def arrivals(draw):
    """Draw devices, times and two keys: mostly rising times, some late rows, many ties."""
    seed, size = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0, 1, 2, 20, 150, 700]))
    lateness, span = draw(st.sampled_from([0, 3, 1_000])), draw(st.sampled_from([1, 5, 10**6]))
    random = np.random.default_rng(seed)
    time = np.arange(size) // span - random.integers(0, lateness + 1, size) * (random.random(size) < 0.3)
    device = random.integers(0, draw(st.integers(1, DEVICES)), size).astype(np.int32)
    return device, time, [random.integers(0, 3, size), random.integers(0, 2, size).astype(np.int8)]


@given(arrivals(), st.integers(0, 2))
@settings(deadline=None)
def test_gives_the_order_of_a_sort_by_all_columns(arrival, key_count):
    device, time, keys = arrival
    found = rows_in_order(device, time, DEVICES, keys[:key_count])
    expected = simple_order(device, time, DEVICES, keys[:key_count])
    assert [column.tolist() for column in found] == [column.tolist() for column in expected]


@given(arrivals(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_order_of_arrival_does_not_matter(arrival, seed):
    device, time, keys = arrival
    shuffled = np.random.default_rng(seed).permutation(device.size)
    first = rows_in_order(device, time, DEVICES, keys)
    second = rows_in_order(device[shuffled], time[shuffled], DEVICES, [key[shuffled] for key in keys])
    for column in (device, time, *keys):
        assert column[first.row].tolist() == column[shuffled][second.row].tolist()
    assert first.is_repeat.tolist() == second.is_repeat.tolist()


def test_late_rows_go_where_they_belong_and_repeats_are_marked():
    device = np.array([1, 0, 1, 1, 0, 1], np.int32)
    time = np.array([10, 10, 30, 20, 10, 30])
    content = np.array([0, 7, 5, 0, 7, 4])
    found = rows_in_order(device, time, 2, [content])
    assert found.row.tolist() == [1, 4, 0, 3, 5, 2]
    assert found.is_tied.tolist() == [False, True, False, False, False, True]
    assert found.is_repeat.tolist() == [False, True, False, False, False, False]


def test_a_clock_that_ran_ahead_once_makes_all_rows_late_and_their_order_no_worse():
    time = np.append(10**9, np.arange(1_000)[::-1])
    found = rows_in_order(np.zeros(1_001, np.int32), time, 1)
    assert time[found.row].tolist() == sorted(time.tolist())


def test_the_order_does_not_depend_on_the_number_of_threads():
    random = np.random.default_rng(5)
    device, time = random.integers(0, 50, 5_000).astype(np.int32), random.integers(0, 300, 5_000)
    on_all = rows_in_order(device, time, 50)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        on_one = rows_in_order(device, time, 50)
    finally:
        numba.set_num_threads(before)
    assert [column.tolist() for column in on_all] == [column.tolist() for column in on_one]


def test_devices_that_are_not_numbered_from_zero_are_refused():
    with pytest.raises(ValueError, match="device: expected numbers from 0 to 1"):
        rows_in_order(np.array([0, 2], np.int32), np.zeros(2, np.int64), 2)
