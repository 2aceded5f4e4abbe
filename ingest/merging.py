"""How do the rows of many files come into one order, in memory that does not grow with them?

They are read once, a portion at a time. Each portion is put into order and dealt out: what it has of a range of senders
is a piece, compressed, of a file on the disk of this machine. Then range after range is put together from its pieces.
So every row is read, written and read again, however many there are.

Texts stay numbers with a dictionary all the way, and columns of which a portion has no value are left out until the
end: of 35 columns of positions a usual tracker fills 22.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq

from ingest.columns import LakeTable

MERGED_ROWS = 3_000_000  # put into order at once; some 100 bytes each, and as much again meanwhile
COUNTED_TABLES = 200  # of counts, before they are added up
PIECES = pa.ipc.IpcWriteOptions(compression="zstd")

Text = tuple[bool, str]  # whether it has a value, and which: of some rejects nobody knows who sent them
Sender = tuple[Text, Text]  # the first two columns a table is sorted by


class RowGroup(NamedTuple):
    """Rows of a file that are read together; each of them has a value of every column that is `full`."""

    path: str
    number: int
    rows: int
    full: frozenset[str]


class Piece(NamedTuple):
    """Bytes of the file of pieces."""

    first: int
    length: int


def merged_schema(table: LakeTable) -> pa.Schema:
    """What merged rows have: the columns that lie in files, texts as numbers with a dictionary."""
    return pa.schema(
        [
            field.with_type(pa.dictionary(pa.int32(), field.type)) if pa.types.is_string(field.type) else field
            for field in table.schema
            if field.name != table.partition_by
        ]
    )


def row_groups_of(paths: Iterable[str], files: pa_fs.FileSystem) -> list[RowGroup]:
    """What some files consist of."""
    found = []
    for path in paths:
        with files.open_input_file(path) as source:
            metadata = pq.read_metadata(source)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = (group.column(index) for index in range(group.num_columns))
            full = frozenset(column.path_in_schema for column in columns if _without_value(column) == 0)
            found.append(RowGroup(path, number, group.num_rows, full))
    return found


def in_order(found: Sequence[RowGroup], files: pa_fs.FileSystem, table: LakeTable, scratch: Path) -> Iterator[pa.Table]:
    """All rows of these groups in the order of `LakeTable.sort_by`, no value first, in tables of about MERGED_ROWS.

    `scratch` is a folder with room for about twice the size of the files.
    """
    if sum(group.rows for group in found) <= MERGED_ROWS:
        yield _whole(_sorted(_read(found, files, table), table), table)
        return
    begins = _range_begins(_senders(found, files, table))
    with TemporaryFile(prefix="merging-", dir=scratch) as store:
        pieces: list[list[Piece]] = [[] for _ in begins]
        for portion in _portions(found):
            _deal(_sorted(_read(portion, files, table), table), table, begins, pieces, store)
        for of_range in pieces:
            yield _whole(_sorted(_put_together(of_range, store), table), table)


def _without_value(column: pq.ColumnChunkMetaData) -> int | None:
    """How many rows have no value of a column; None where statistics do not tell."""
    told = column.statistics
    return told.null_count if told is not None and told.has_null_count else None


def _portions(found: Iterable[RowGroup]) -> Iterator[list[RowGroup]]:
    portion: list[RowGroup] = []
    size = 0
    for group in found:
        if portion and size + group.rows > MERGED_ROWS:
            yield portion
            portion, size = [], 0
        portion.append(group)
        size += group.rows
    yield portion


def _senders(found: Iterable[RowGroup], files: pa_fs.FileSystem, table: LakeTable) -> pa.Table:
    """How many rows each sender has."""
    keys = list(table.sort_by[:2])
    counts: list[pa.Table] = []
    for path, groups in groupby(found, key=lambda group: group.path):
        with files.open_input_file(path) as source, pq.ParquetFile(source) as file:
            for group in groups:
                rows = file.read_row_group(group.number, columns=keys)
                counts.append(rows.group_by(keys).aggregate([([], "count_all")]))
        if len(counts) > COUNTED_TABLES:
            counts = [_added_up(counts, keys)]
    return _added_up(counts, keys)


def _added_up(counts: list[pa.Table], keys: list[str]) -> pa.Table:
    added = pa.concat_tables(counts, promote_options="permissive").group_by(keys).aggregate([("count_all", "sum")])
    return added.rename_columns([*keys, "count_all"])


def _range_begins(senders: pa.Table) -> list[Sender]:
    """The first sender of each range of about MERGED_ROWS rows; the first range begins before all."""
    counts: Counter[Sender] = Counter()
    for one, other, rows in zip(*senders.to_pydict().values(), strict=True):
        counts[_sender(one, other)] += rows
    begins = [_sender(None, None)]
    size = 0
    for sender, rows in sorted(counts.items()):
        if size and size + rows > MERGED_ROWS:
            begins.append(sender)
            size = 0
        size += rows
    return begins


def _sender(one: str | None, other: str | None) -> Sender:
    return (one is not None, one or ""), (other is not None, other or "")


def _read(portion: Iterable[RowGroup], files: pa_fs.FileSystem, table: LakeTable) -> pa.Table:
    """Rows of a portion, with the columns of which it has a value."""
    schema = merged_schema(table)
    parts = []
    for path, groups in groupby(portion, key=lambda group: group.path):
        numbers = [group.number for group in groups]
        with files.open_input_file(path) as source:
            metadata = pq.read_metadata(source)
            names = _filled(metadata, numbers, schema.names, table.sort_by)
            texts = [name for name in names if pa.types.is_dictionary(schema.field(name).type)]
            with pq.ParquetFile(source, metadata=metadata, read_dictionary=texts, pre_buffer=True) as file:
                rows = file.read_row_groups(numbers, columns=names)
        parts.append(rows.cast(pa.schema([schema.field(name) for name in rows.column_names])))
    return pa.concat_tables(parts, promote_options="default")


def _filled(
    metadata: pq.FileMetaData, numbers: Sequence[int], names: Sequence[str], always: Sequence[str]
) -> list[str]:
    """The columns that these row groups have values of, as far as statistics tell, and those to read always."""
    filled = set(always)
    for number in numbers:
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            if _without_value(column) != group.num_rows:
                filled.add(column.path_in_schema)
    return [name for name in names if name in filled]


def _sorted(rows: pa.Table, table: LakeTable) -> pa.Table:
    rows = rows.unify_dictionaries()
    keys = pa.table({name: _ranks(rows[name]) for name in table.sort_by})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending", "at_start") for name in table.sort_by])
    return rows.take(order)


def _ranks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers in the order of a column; the dictionary of texts is one for all of it."""
    if not pa.types.is_dictionary(column.type):
        return column
    ranks = pc.rank(column.chunk(0).dictionary, tiebreaker="dense")
    return pa.chunked_array([ranks.take(chunk.indices) for chunk in column.chunks])


def _deal(
    rows: pa.Table, table: LakeTable, begins: Sequence[Sender], pieces: list[list[Piece]], store: IO[bytes]
) -> None:
    """Write what each range gets of sorted rows, and add where it is."""
    one, other = (rows[name] for name in table.sort_by[:2])

    def sender(row: int) -> Sender:
        return _sender(one[row].as_py(), other[row].as_py())

    edges = [bisect_left(range(rows.num_rows), begin, key=sender) for begin in begins]
    for of_range, (first, end) in zip(pieces, pairwise([*edges, rows.num_rows]), strict=True):
        if first == end:
            continue
        piece = _with_own_dictionaries(rows.slice(first, end - first))
        begin = store.tell()
        with pa.ipc.new_stream(store, piece.schema, options=PIECES) as stream:
            stream.write_table(piece)
        of_range.append(Piece(begin, store.tell() - begin))


def _with_own_dictionaries(rows: pa.Table) -> pa.Table:
    """The same rows, without the texts of others in their dictionaries."""
    columns = []
    for column in rows.combine_chunks().columns:
        if pa.types.is_dictionary(column.type):
            found = column.chunk(0)
            used = pc.unique(found.indices.drop_null())
            column = pa.DictionaryArray.from_arrays(pc.index_in(found.indices, used), found.dictionary.take(used))
        columns.append(column)
    return pa.table(columns, names=rows.column_names)


def _put_together(pieces: Sequence[Piece], store: IO[bytes]) -> pa.Table:
    parts = []
    for first, length in pieces:
        store.seek(first)
        parts.append(pa.ipc.open_stream(store.read(length)).read_all())
    return pa.concat_tables(parts, promote_options="default")


def _whole(rows: pa.Table, table: LakeTable) -> pa.Table:
    """The same rows with all columns that lie in files."""
    schema = merged_schema(table)
    columns = [
        rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)
