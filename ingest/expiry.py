"""How does old data leave the lake and the spool, without a moment in which too much or too little is there?

A partition of a lake table is replaced in one commit, streamed, so that a day of any size fits. A sealed segment of the
spool is replaced by one of the same number with fewer messages: it appears whole or not at all, and says that it is as
old as the one before.
"""

import os
from collections.abc import Callable, Collection, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from ingest.columns import LakeTable
from ingest.commits import LakeChanged, only_on_top
from ingest.compaction import COMPACTED_BYTES
from ingest.lake import opened_table, writer_properties
from ingest.received import Received, received_messages
from ingest.segments import write_whole
from ingest.settings import IngestSettings
from ingest.spool import Segment, read_segment
from ingest.stores import naming_store


def partitions(settings: IngestSettings, table: LakeTable) -> list[date]:
    """The dates a table is partitioned by, oldest first."""
    found = {partition[table.partition_by] for partition in opened_table(table, settings).partitions()}
    return sorted(date.fromisoformat(text) for text in found)


def row_bytes(settings: IngestSettings, table: LakeTable) -> float:
    """Bytes that a row of a table takes on disk, on the mean; from the table's log."""
    files = pa.table(opened_table(table, settings).get_add_actions(flatten=True)).to_pydict()
    return float(sum(files["size_bytes"]) / max(1, sum(files["num_records"])))


def replace_partition(
    settings: IngestSettings, table: LakeTable, partition: date, rows: pa.RecordBatchReader, read: Collection[str]
) -> None:
    """Put `rows`, in the columns and order of the table, in the place of one partition, in one commit.

    `read` are the files of the table that the rows were read from: where the partition has others by now, another
    machine wrote it, and LakeChanged is raised. Old files stay until they are vacuumed.
    """
    handle = opened_table(table, settings)
    folder = f"/{table.partition_by}={partition.isoformat()}/"
    predicate = f"{table.partition_by} = '{partition.isoformat()}'"
    if set(handle.file_uris(file_pruning_predicate=predicate)) != {path for path in read if folder in path}:
        raise LakeChanged(handle.table_uri)
    with naming_store(settings.lake_root):
        try:
            write_deltalake(
                handle,
                _in_types_of(table, rows),
                mode="overwrite",
                predicate=predicate,
                target_file_size=COMPACTED_BYTES,
                writer_properties=writer_properties(table),
                commit_properties=only_on_top(),
            )
        except CommitFailedError as error:
            raise LakeChanged(handle.table_uri) from error


def message_count(segment: Segment) -> int:
    """How many messages a sealed segment has, without reading them."""
    return int(pq.read_metadata(segment.path).num_rows)


def cut_segment(segment: Segment, stays: Callable[[Received], bool], *, dry_run: bool = False) -> tuple[int, int]:
    """Drop the messages of a sealed segment that do not stay, and the segment where none does.

    Returns how many messages went, or would go, and how many stay.
    """
    table = read_segment(segment.path)
    mask = [stays(received) for received in received_messages(table, segment.spool_id, segment.number)]
    kept = sum(mask)
    if not dry_run and kept < len(mask):
        if kept:
            _rewrite(segment.path, table.filter(pa.array(mask)))
        else:
            segment.path.unlink()
    return len(mask) - kept, kept


def _rewrite(path: Path, table: pa.Table) -> None:
    times = path.stat()
    write_whole(path, table)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _in_types_of(table: LakeTable, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    def cast() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            yield pa.RecordBatch.from_arrays(
                [batch.column(field.name).cast(field.type) for field in table.schema], schema=table.schema
            )

    return pa.RecordBatchReader.from_batches(table.schema, cast())
