"""Which row groups of the lake's files may hold what is wanted, and what is known of them without decoding them?

Files are sorted by tenant, device and fix time, so the statistics of a row group are narrow. A column that is empty or
the same throughout a row group is told by them as well, and is never decoded.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from threading import get_ident
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from warehouse.stores import root_of, store_at

# Columns of few different texts.
TEXTS = ["tenant_id", "device_id", "quality", "flags", "source_format", "route_id", "spool_id"]
EXACT_LENGTH = 16  # statistics of longer texts may be cut short


class RowGroup(NamedTuple):
    """One row group, and the least and the greatest of what it is sorted by."""

    path: str
    number: int
    row_count: int
    tenants: tuple[str, str]
    devices: tuple[str, str]
    fix_ms: tuple[int, int]

    @property
    def senders(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Tenant and device before which, and after which, none of its rows can be."""
        if self.tenants[0] == self.tenants[1]:
            return (self.tenants[0], self.devices[0]), (self.tenants[0], self.devices[1])
        return (self.tenants[0], ""), (self.tenants[1], chr(0x10FFFF))


class Texts(NamedTuple):
    """A column of few texts: int32 (n_rows,) numbers of names, -1 where there is none."""

    codes: NDArray[np.int32]
    names: list[str]


class Numbers(NamedTuple):
    """A column of numbers, 0 where not `known`; a truth is 0 or 1. `known` is None where every row has a value."""

    values: NDArray[Any]
    known: NDArray[np.bool_] | None


Decoded = Texts | Numbers | None  # None: no row has a value


def row_groups(files: Sequence[str], first: date, last: date) -> list[RowGroup]:
    """The row groups of the files of these UTC dates; raises OSError where one cannot be read."""
    wanted = [path for path in files if first <= partition(path) <= last]
    return [group for path in wanted for group in _of_file(path)]


def decoded(group: RowGroup, names: Sequence[str]) -> dict[str, Decoded]:
    """Some columns of a row group."""
    file = _opened(group.path, get_ident())
    metadata, schema = file.metadata.row_group(group.number), file.schema_arrow
    numbers = {name: index for index, name in enumerate(schema.names)}
    found: dict[str, Decoded] = {}
    asked = []
    for name in names:
        if name not in numbers:
            found[name] = None
            continue
        statistics = metadata.column(numbers[name]).statistics
        is_told, value = _told(statistics, group.row_count)
        if not is_told:
            asked.append(name)
        elif value is None:
            found[name] = None
        elif isinstance(value, str):
            found[name] = Texts(np.zeros(group.row_count, np.int32), [value])
        else:
            dtype = _dtype(schema.field(name).type)
            found[name] = Numbers(np.full(group.row_count, value, dtype), None)
    if asked:
        table = file.read_row_group(group.number, columns=asked, use_threads=False)
        found |= {name: _decoded(table[name]) for name in asked}
    return found


def rows_of(group: RowGroup, rows: NDArray[np.int64]) -> pa.Table:
    """Every column of some rows of a row group."""
    return _opened(group.path, get_ident()).read_row_group(group.number, use_threads=False).take(pa.array(rows))


def partition(path: str) -> date:
    """The UTC date that the fixes of a file are of."""
    return date.fromisoformat(path.rsplit("fix_date=", 1)[1][:10])


@lru_cache(maxsize=256)
def _of_file(path: str) -> list[RowGroup]:
    metadata = _opened(path, get_ident()).metadata
    names = _opened(path, get_ident()).schema_arrow.names
    sorted_by = [names.index(name) for name in ("tenant_id", "device_id", "fix_ms")]
    groups = []
    for number in range(metadata.num_row_groups):
        of_group = metadata.row_group(number)
        told = [of_group.column(index).statistics for index in sorted_by]
        groups.append(
            RowGroup(path, number, of_group.num_rows, *((found.min, found.max) for found in told))  # type: ignore[arg-type]
        )
    return groups


@lru_cache(maxsize=64)
def _opened(path: str, _thread: int) -> pq.ParquetFile:
    """A file for the use of one thread: an open file is not made for two."""
    root = root_of(path, "positions")
    file = path if root is None else store_at(root).arrow_file(path)
    metadata = pq.read_metadata(file)
    texts = [name for name in TEXTS if name in metadata.schema.names]  # a file of an older version may lack some
    # Read at once what is asked for: page by page took 29 ns a row in place of 21 (seven columns, 2026-11), and in a
    # store each request costs a round trip.
    return pq.ParquetFile(file, metadata=metadata, read_dictionary=texts, pre_buffer=True)


def _told(statistics: Any, row_count: int) -> tuple[bool, Any]:
    """Whether statistics tell every value of a column, and which one that is."""
    if statistics is None or not statistics.has_null_count:
        return False, None
    if statistics.null_count == row_count:
        return True, None
    is_same = statistics.null_count == 0 and statistics.has_min_max and statistics.min == statistics.max
    if not is_same or (isinstance(statistics.min, str) and len(statistics.min) > EXACT_LENGTH):
        return False, None
    return True, statistics.min


def _dtype(arrow: pa.DataType) -> Any:
    return np.int8 if pa.types.is_boolean(arrow) else arrow.to_pandas_dtype()


def _decoded(chunks: pa.ChunkedArray) -> Decoded:
    array = chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)
    if array.null_count == len(array):
        return None
    if pa.types.is_dictionary(array.type):
        codes = array.indices if array.null_count == 0 else array.indices.fill_null(-1)
        return Texts(codes.to_numpy().astype(np.int32, copy=False), array.dictionary.to_pylist())
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if array.null_count == 0:
        return Numbers(array.to_numpy(), None)
    known = pc.is_valid(array).to_numpy(zero_copy_only=False)
    return Numbers(array.fill_null(0).to_numpy(), known)
