"""How do the many small files of past dates become one, sorted, in bounded memory?

A merged file takes the place of those that were read, in a commit that is good only on top of the version they were
read of. Where another machine loads meanwhile, that partition is merged once more, and after some tries next time.
"""

import logging
from collections.abc import Iterator
from datetime import date
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

MERGED_ROWS = 4_000_000  # sorted at once when files are merged; some 200 bytes each
MERGE_TRIES = 3
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
                    removed += _compact_partition(table, handle, partition)
    return removed


def _compact_partition(table: LakeTable, handle: DeltaTable, partition: str) -> int:
    predicate = f"{table.partition_by} = '{partition}'"
    for _ in range(MERGE_TRIES):
        small = len(handle.file_uris(file_pruning_predicate=predicate))
        if small < 2:
            return 0
        rows = handle.to_pyarrow_dataset(file_pruning_predicate=predicate)
        merged = _written(rows, table, partition)
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


def _written(rows: ds.Dataset, table: LakeTable, partition: str) -> AddAction:
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
        for part in _in_order(rows, table):
            writer.write_table(part.select(schema.names), row_group_size=ROW_GROUP_ROWS)
            count += part.num_rows
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


def _in_order(rows: ds.Dataset, table: LakeTable) -> Iterator[pa.Table]:
    """All rows in the order of a table's files, a range of senders at a time, so that a large date fits into memory.

    Files are sorted by sender, so a range is in few row groups of each.
    """
    for within in _ranges(rows, table.sort_by[:2]):
        chosen = rows.to_table(columns=table.schema.names, filter=within)
        yield sorted_rows(chosen.cast(table.schema), table)


def _ranges(rows: ds.Dataset, keys: tuple[str, ...]) -> Iterator[pc.Expression | None]:
    """Conditions that each hold of about MERGED_ROWS rows, in the order of two keys; every row meets one of them."""
    if rows.count_rows() <= MERGED_ROWS:
        yield None
        return
    counts: dict[tuple[str, str], int] = {}
    for batch in rows.to_batches(columns=list(keys)):
        grouped = pa.Table.from_batches([batch]).group_by(list(keys)).aggregate([([], "count_all")])
        for row in grouped.to_pylist():
            key = (row[keys[0]], row[keys[1]])
            counts[key] = counts.get(key, 0) + row["count_all"]
    first: tuple[str, str] | None = None
    size = 0
    for key in sorted(counts):
        if size and size + counts[key] > MERGED_ROWS:
            yield _from(keys, first) & ~_from(keys, key) if first else ~_from(keys, key)
            first, size = key, 0
        size += counts[key]
    yield _from(keys, first) if first else None


def _from(keys: tuple[str, ...], key: tuple[str, str]) -> pc.Expression:
    """Whether a row is of this key or a later one."""
    one, other = pc.field(keys[0]), pc.field(keys[1])
    return (one > key[0]) | ((one == key[0]) & (other >= key[1]))
