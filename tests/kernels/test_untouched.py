import numpy as np
import pytest

from kernels.untouched import untouched


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float64])
@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_an_array_that_nobody_touched_has_its_size_and_can_be_written_to(dtype, size):
    array = untouched(size, dtype)
    assert (array.dtype, array.shape, array.sum()) == (dtype, (size,), 0)
    array[size // 2 :] = 7
    assert array.sum() == 7 * (size - size // 2)


def test_a_value_in_a_large_array_takes_no_more_memory_than_a_page():
    resident_before = resident_bytes()
    array = untouched(64_000_000, np.int64)
    array[::8_000_000] = 1
    assert resident_bytes() - resident_before < 8_000_000


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[1]) * 4096
