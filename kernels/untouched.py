"""Where does a kernel write that cannot say beforehand how much it will find?

Into arrays with room for the most, of which it touches a part. NumPy asks the system for huge pages where an array is
large: then the first value that a van writes clears two megabytes, which took longer than looking at the rows of the
van (2026-11). These arrays have small pages, and cost no more than what is written to them.
"""

import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def untouched(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array (size,) of zeros whose memory is taken page by page, as values are written."""
    pages = mmap.mmap(-1, max(size * np.dtype(dtype).itemsize, 1))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype, size)
