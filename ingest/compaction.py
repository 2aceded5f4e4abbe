"""How do the many small files of past dates become one, sorted, in bounded memory?

A merged file takes the place of those that were read, in a commit that is good only on top of the version they were
read of. Where another machine loads meanwhile, that partition is merged once more, and after some tries next time.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from ingest.columns import LAKE_TABLES, POSITIONS, LakeTable
from ingest.commits import only_on_top
from ingest.lake import LOADED_GROUP_ROWS, ROW_GROUP_ROWS, with_new_columns, writable_table
from ingest.merging import in_order, merged_schema, row_groups_of
from ingest.settings import IngestSettings
from ingest.stores import naming_store

logger = logging.getLogger(__name__)

MERGE_TRIES = 3
SCATTERED = 8  # times that a row is decoded
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


def compact_scattered(
    settings: IngestSettings,
    handle: DeltaTable,
    before: date,
    portion_rows: int,
    progress: Callable[[int, int], None],
) -> None:
    """Merge the positions of dates before one that are read in portions and lie too scattered for it.

    A file as loaded has all senders, so a portion decodes a row group of each at least, which merging ends: it costs as
    much as to decode a row some ten times, and has to be done some day. `progress` is told how many dates are merged.
    """
    found = _scattered(handle, before, portion_rows)
    for done, partition in enumerate(found):
        progress(done, len(found))
        with naming_store(settings.lake_root):
            _compact_partition(POSITIONS, with_new_columns(POSITIONS, handle), partition, settings.data_dir)
    if found:
        progress(len(found), len(found))


def _scattered(handle: DeltaTable, before: date, portion_rows: int) -> list[str]:
    """The partitions before a date of which portions of so many rows decode each row SCATTERED times or more."""
    key = f"partition.{POSITIONS.partition_by}"
    files = pa.table(handle.get_add_actions(flatten=True))
    rows: Counter[str] = Counter()
    least: Counter[str] = Counter()  # that a portion decodes
    for partition, count in zip(map(str, files[key].to_pylist()), files["num_records"].to_pylist(), strict=True):
        rows[partition] += count
        least[partition] += min(count, LOADED_GROUP_ROWS)
    return [
        partition
        for partition in sorted(rows)
        if partition < before.isoformat()
        and rows[partition] // portion_rows * least[partition] >= SCATTERED * rows[partition]
    ]


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

    We write it ourselves: delta-rs reads what it is given on several threads, and large batches change places. Columns
    that have a value in every row are marked so: they are read in half the time.
    """
    path = f"{table.partition_by}={partition}/part-{uuid4()}.parquet"
    files: pa_fs.FileSystem = rows.filesystem
    found = row_groups_of(rows.files, files)
    schema = pa.schema(
        [
            field.with_nullable(not all(field.name in group.full for group in found if group.rows))
            for field in merged_schema(table)
        ]
    )
    count = 0
    with (
        files.open_output_stream(path) as stream,
        # Texts with a dictionary are texts to whoever reads the file.
        pq.ParquetWriter(stream, schema, store_schema=False, **arrow_properties(table)) as writer,
    ):
        for part in in_order(found, files, table, scratch):
            writer.write_table(part.cast(schema), row_group_size=ROW_GROUP_ROWS)
            count += part.num_rows
            del part  # or it would stay while the next one is read and sorted
    size = files.get_file_info(path).size
    return AddAction(
        path, size, {table.partition_by: partition}, round(time() * 1000), False, f'{{"numRecords":{count}}}'
    )


def arrow_properties(table: LakeTable) -> dict[str, Any]:
    """How pyarrow writes the files of a table: as `writer_properties` says."""
    return {
        "compression": "lz4",
        "use_dictionary": [
            name for name in table.schema.names if name not in (*table.delta_encoded, table.partition_by)
        ],
        "column_encoding": dict.fromkeys(table.delta_encoded, "DELTA_BINARY_PACKED"),
    }
