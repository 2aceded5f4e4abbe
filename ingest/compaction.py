"""How do the many small files of past dates become one, sorted, in bounded memory?

A merged file takes the place of those that were read, in a commit that is good only on top of the version they were
read of. Where another machine loads meanwhile, that partition is merged once more, and after some tries next time.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from ingest.columns import LAKE_TABLES, LakeTable
from ingest.commits import only_on_top
from ingest.lake import ROW_GROUP_ROWS, sorted_rows, writable_table
from ingest.settings import IngestSettings
from ingest.stores import naming_store

logger = logging.getLogger(__name__)

MERGED_ROWS = 2_000_000  # sorted at once when files are merged; some 200 bytes each, and as much again while sorting
RUN_GROUP_ROWS = 1 << 15  # of a run: what is read of it at least for a range of senders
MERGE_TRIES = 3
NO_KEY = ("", "")
COMPACTED_BYTES = 1 << 30  # one file a partition as long as it fits, so that upkeep leaves it alone afterwards


def compact(settings: IngestSettings, before: date) -> int:
    """Merge the small files of partitions before a date, sorted as `LakeTable.sort_by` says; returns files removed.

    Reading stays possible all the while; old files stay until they are vacuumed.
    """
    removed = 0
    for table in LAKE_TABLES:
        handle = writable_table(table, settings)
        for partition in sorted(found[table.partition_by] for found in handle.partitions()):
            if partition < before.isoformat():
                with naming_store(settings.lake_root):
                    removed += _compact_partition(table, handle, partition, settings.data_dir)
    return removed


def _compact_partition(table: LakeTable, handle: DeltaTable, partition: str, scratch: Path) -> int:
    predicate = f"{table.partition_by} = '{partition}'"
    for _ in range(MERGE_TRIES):
        small = len(handle.file_uris(file_pruning_predicate=predicate))
        if small < 2:
            return 0
        rows = handle.to_pyarrow_dataset(file_pruning_predicate=predicate)
        merged = _written(rows, table, partition, scratch)
        try:
            handle.create_write_transaction(
                [merged],
                "overwrite",
                handle.schema(),
                [table.partition_by],
                partition_filters=[(table.partition_by, "=", partition)],
                commit_properties=only_on_top(),
            )
        except CommitFailedError:
            rows.filesystem.delete_file(merged.path)
            handle.update_incremental()
        else:
            handle.update_incremental()
            return small - len(handle.file_uris(file_pruning_predicate=predicate))
    logger.warning("%s %s is not merged: another machine goes on writing it", table.name, partition)
    return 0


def _written(rows: ds.FileSystemDataset, table: LakeTable, partition: str, scratch: Path) -> AddAction:
    """One file with all rows of a partition in order, as an action that adds it.

    We write it ourselves: delta-rs reads what it is given on several threads, and large batches change places.
    """
    path = f"{table.partition_by}={partition}/part-{uuid4()}.zstd.parquet"
    files: pa_fs.FileSystem = rows.filesystem
    schema = pa.schema([field for field in table.schema if field.name != table.partition_by])
    count = 0
    with (
        files.open_output_stream(path) as stream,
        pq.ParquetWriter(stream, schema, **arrow_properties(table)) as writer,
    ):
        for part in _in_order(rows, table, scratch):
            writer.write_table(part.select(schema.names), row_group_size=ROW_GROUP_ROWS)
            count += part.num_rows
            del part  # or it would stay while the next one is read and sorted
    size = files.get_file_info(path).size
    return AddAction(
        path, size, {table.partition_by: partition}, round(time() * 1000), False, f'{{"numRecords":{count}}}'
    )


def arrow_properties(table: LakeTable) -> dict[str, Any]:
    """How pyarrow writes the files of a table: as `writer_properties` says."""
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [
            name for name in table.schema.names if name not in (*table.delta_encoded, table.partition_by)
        ],
        "column_encoding": dict.fromkeys(table.delta_encoded, "DELTA_BINARY_PACKED"),
    }


def _in_order(rows: ds.FileSystemDataset, table: LakeTable, scratch: Path) -> Iterator[pa.Table]:
    """All rows in the order of a table's files, a range of senders at a time, so that a large date fits into memory."""
    if rows.count_rows() <= MERGED_ROWS:
        yield sorted_rows(_read([rows], table), table)
        return
    with TemporaryDirectory(prefix="merging-", dir=scratch) as folder:
        sources = _runs(rows, table, Path(folder))
        for within in _ranges(sources, table.sort_by[:2]):
            yield sorted_rows(_read(sources, table, within), table)


def _runs(rows: ds.FileSystemDataset, table: LakeTable, folder: Path) -> list[ds.Dataset]:
    """The same rows, of which a range of senders can be read without reading all the others.

    A loader's file has all senders in one row group: each range would have to read all of every file, which took time
    that grew with the square of a date. So small files become runs of MERGED_ROWS, sorted, with small row groups.
    """
    small: list[list[ds.Fragment]] = []
    large: list[ds.Fragment] = []
    size = MERGED_ROWS
    for fragment in rows.get_fragments():
        count = fragment.count_rows()
        if count > MERGED_ROWS:
            large.append(fragment)
            continue
        size += count
        if size > MERGED_ROWS:
            small.append([])
            size = count
        small[-1].append(fragment)
    for number, together in enumerate(small):
        pq.write_table(
            sorted_rows(_read([_only(together, rows)], table), table),
            folder / f"{number}.parquet",
            row_group_size=RUN_GROUP_ROWS,
            write_statistics=list(table.sort_by[:2]),
            **arrow_properties(table),
        )
    runs: list[ds.Dataset] = [ds.dataset(folder, schema=table.schema)] if small else []
    return [*runs, _only(large, rows)] if large else runs


def _only(fragments: list[ds.Fragment], rows: ds.FileSystemDataset) -> ds.FileSystemDataset:
    return ds.FileSystemDataset(fragments, rows.schema, rows.format, rows.filesystem)


def _read(sources: Sequence[ds.Dataset], table: LakeTable, within: pc.Expression | None = None) -> pa.Table:
    """What sources hold of a range, in the columns of a table."""
    return pa.concat_tables(
        [source.to_table(columns=table.schema.names, filter=within).cast(table.schema) for source in sources]
    )


def _ranges(sources: Sequence[ds.Dataset], keys: tuple[str, ...]) -> Iterator[pc.Expression | None]:
    """Conditions that each hold of about MERGED_ROWS rows, in the order of two keys; every row meets one of them.

    Rows without a key, rejects of which nobody knows the sender, are in the first range.
    """
    counts: dict[tuple[str, str], int] = {}
    for source in sources:
        for batch in source.to_batches(columns=list(keys)):
            grouped = pa.Table.from_batches([batch]).group_by(list(keys)).aggregate([([], "count_all")])
            for row in grouped.to_pylist():
                key = NO_KEY if None in (row[keys[0]], row[keys[1]]) else (row[keys[0]], row[keys[1]])
                counts[key] = counts.get(key, 0) + row["count_all"]
    begins = [NO_KEY]
    size = 0
    for key in sorted(counts):
        if size and size + counts[key] > MERGED_ROWS:
            begins.append(key)
            size = 0
        size += counts[key]
    nobody = pc.field(keys[0]).is_null() | pc.field(keys[1]).is_null()
    for key, end in zip(begins, [*begins[1:], None], strict=True):
        if end is None:
            yield None if key is NO_KEY else _from(keys, key)
        else:
            yield nobody | ~_from(keys, end) if key is NO_KEY else _from(keys, key) & ~_from(keys, end)


def _from(keys: tuple[str, ...], key: tuple[str, str]) -> pc.Expression:
    """Whether a row is of this key or a later one."""
    one, other = pc.field(keys[0]), pc.field(keys[1])
    return (one > key[0]) | ((one == key[0]) & (other >= key[1]))
