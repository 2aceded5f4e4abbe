import numpy as np
import pytest

from kernels.compiled import njit
from kernels.prefetching import prefetch


@njit
def sum_asking(values, first, end):
    total = 0.0
    for row in range(first, end):
        prefetch(values, row)
        if 0 <= row < values.size:
            total += values[row]
    return total


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.float32, np.int64, np.bool_])
def test_asking_for_rows_changes_nothing_and_rows_that_are_not_there_are_no_error(dtype):
    values = np.array([1, 0, 1, 1, 0, 1]).astype(dtype)
    assert sum_asking(values, -1_000_000, 1_000_000) == values.sum()


def test_what_is_compiled_asks_the_processor():
    sum_asking(np.zeros(1), 0, 1)
    assert all("call void @llvm.prefetch.p0(" in code for code in sum_asking.inspect_llvm().values())
