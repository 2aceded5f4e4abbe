"""What does a sealed file of the spool look like, and how does an open one become sealed?

A Parquet file (zstd) with the rows of the open segment in the same order, the order of arrival.
It appears whole under its name or not at all; then the open file goes.
"""

import logging
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.durable import FILE_MODE, PART_SUFFIX, sync_path
from ingest.listing import DAMAGED_SUFFIX, SEALED_SUFFIX, TORN_SUFFIX, Segment
from ingest.open_segment import SCHEMA, whole_part

logger = logging.getLogger(__name__)


def seal(open_path: Path, *, spool_id: str, end_byte: int | None = None) -> Segment | None:
    """Write the sealed form of an open segment and remove the open one.

    Returns None, and removes the open file, where it holds no whole batch.
    Raises OSError, and leaves the open file, where the disk is full.
    """
    number = int(open_path.stem)
    sealed_path = open_path.with_suffix(SEALED_SUFFIX)
    content = open_path.read_bytes()[:end_byte]
    batches, whole_end, damaged_count = whole_part(content)
    rest_start = 0 if damaged_count else whole_end
    _keep_rest(open_path, content[rest_start:], is_torn=end_byte is None and rest_start > 0)
    if batches:
        metadata = {"spool_id": spool_id, "number": str(number)}
        table = pa.Table.from_batches(batches, SCHEMA).replace_schema_metadata(metadata)
        write_whole(sealed_path, table)
    open_path.unlink()
    return Segment(spool_id, number, sealed_path) if batches else None


def _keep_rest(open_path: Path, rest: bytes, *, is_torn: bool) -> None:
    """Put what is not sealed aside, for a person to look at.

    Behind the last whole batch of a crash lies what was never acknowledged; a damaged batch before it, or anything
    missing from a file that was closed in order, had been, so that is an error.
    """
    if not rest:
        return
    rest_path = open_path.with_suffix(TORN_SUFFIX if is_torn else DAMAGED_SUFFIX)
    rest_path.write_bytes(rest)
    rest_path.chmod(FILE_MODE)
    if is_torn:
        logger.warning("%s was torn: %d bytes behind its last whole batch are in %s", open_path, len(rest), rest_path)
    else:
        logger.error(
            "%s is damaged: not all of it could be sealed; %d bytes are in %s", open_path, len(rest), rest_path
        )


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a Parquet file that appears under its name only when all of it is on disk."""
    part_path = path.with_suffix(PART_SUFFIX)
    descriptor = os.open(part_path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as part:
            # Topics repeat, payloads hardly ever do: a dictionary of payloads would only cost time.
            pq.write_table(
                table,
                part,
                compression="zstd",
                use_dictionary=["topic", "content_type"],
                write_statistics=False,
            )
            part.flush()
            os.fsync(part.fileno())
    except BaseException:
        part_path.unlink(missing_ok=True)
        raise
    part_path.rename(path)
    sync_path(path.parent)


def read_segment(path: Path) -> pa.Table:
    """Read a sealed segment, in order of arrival; `spool_id` and `number` are in the schema's metadata."""
    return pq.read_table(path, partitioning=None)
