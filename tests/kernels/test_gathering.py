import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.gathering import BLOCK, firsts_in, values_at


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4))), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_the_first_values_of_each_group_follow_each_other(groups, width):
    starts = np.append(0, np.cumsum([count + rest for count, rest in groups])).astype(np.int64)
    to_starts = np.append(0, np.cumsum([count for count, _ in groups])).astype(np.int64)
    values = np.arange(starts[-1] * width).reshape(-1, width)
    expected = [row for first, (count, _) in zip(starts, groups, strict=False) for row in range(first, first + count)]
    assert firsts_in(values, starts, to_starts).tolist() == values[expected].T.tolist()


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK + 7])
def test_values_are_those_of_their_rows(size):
    values = np.arange(10_000) * 3
    rows = np.random.default_rng(size).integers(0, 10_000, size)
    assert np.array_equal(values_at(values, rows), values[rows])


@pytest.mark.parametrize("dtype", ["i1", "?", "f4", "f8", "u2", "datetime64[ms]"])
def test_values_are_taken_whatever_they_mean(dtype):
    values = np.array([0, 1, 0, 1, 1]).astype(dtype)
    rows = np.array([3, 0, 4])
    assert values_at(values, rows).tolist() == values[rows].tolist()
    assert values_at(values, rows).dtype == values.dtype
