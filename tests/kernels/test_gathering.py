import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.gathering import BLOCK, firsts_in, values_at


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4))), st.sampled_from([np.int8, np.int32, np.int64]))
@settings(deadline=None, max_examples=30)
def test_the_first_values_of_each_group_follow_each_other(groups, dtype):
    starts = np.append(0, np.cumsum([count + rest for count, rest in groups])).astype(np.int64)
    to_starts = np.append(0, np.cumsum([count for count, _ in groups])).astype(np.int64)
    values = np.arange(starts[-1]).astype(dtype)
    expected = [row for first, (count, _) in zip(starts, groups, strict=False) for row in range(first, first + count)]
    found = firsts_in(values, starts, to_starts)
    assert found.tolist() == expected
    assert found.dtype == dtype


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK + 7])
def test_values_are_those_of_their_rows(size):
    values = np.arange(10_000) * 3
    rows = np.random.default_rng(size).integers(0, 10_000, size)
    assert np.array_equal(values_at(values, rows), values[rows])
