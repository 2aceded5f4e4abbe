"""What becomes of rows of the lake that an earlier version decoded otherwise? Their messages are decoded again.

Each table notes for each spool by which decoder its rows were made (`DECODER`). Where that is an earlier one, the rows
of every segment that the spool still has whole are replaced, a group of segments in one commit; the note comes last, so
a run that was cut short begins anew and changes nothing twice.

Rows stay as they are where the spool cannot tell them whole: a segment that expired, or lost messages (rows of the lake
are of messages that it no longer has), or that may tell what was thinned or deleted since (`since`).
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from ingest.adapters.sources import read_sources
from ingest.columns import DECODER, LAKE_TABLES, LakeTable, decoder_note
from ingest.commits import LakeChanged, only_on_top
from ingest.groups import Mapper, decoded_group, groups
from ingest.lake import PAUSE_S, TRIES, Lake, Progress, sorted_rows, with_new_columns, writer_properties
from ingest.received import received_messages
from ingest.scanned import Scanners
from ingest.settings import IngestSettings
from ingest.spool import Segment, read_segment, sealed_segments, spool_folders
from ingest.stores import naming_store
from ingest.tombstones import read_tombstones

logger = logging.getLogger(__name__)

Since = Callable[[], datetime | None]


class NewerLake(Exception):
    """A later version decoded rows of a table."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} was written by a later version of Odograph: go back to that version, or restore a backup made"
            " before it came (docs/upgrading.md)"
        )


def decode_again(
    settings: IngestSettings,
    lake: Lake,
    since: Since,
    progress: Progress | None = None,
    *,
    scanners: Scanners | None = None,
    mapper: Mapper = map,
) -> int:
    """Replace what an earlier version decoded, and return how many segments that were; needs the writer's lock.

    `since` is asked only where there are such rows: messages received later tell nothing that was thinned or deleted.
    """
    count = 0
    for folder in spool_folders(settings.spool_dir):
        spool_id = (folder / "id").read_text().strip()
        behind = [table for table in LAKE_TABLES if _is_behind(lake[table.name], spool_id)]
        if not behind:
            continue
        tables = {table: with_new_columns(table, lake[table.name]) for table in behind}
        reached = _reached(sealed_segments(folder), tables, since())
        together = [whole for group in groups(reached) if (whole := _whole(group, tables))]
        in_all = sum(map(len, together))
        decode = partial(
            decoded_group,
            max_age_days=settings.max_age_days,
            sources=read_sources(settings),
            tombstones=read_tombstones(settings.data_dir),
            scanners=scanners,
        )
        for group, rows in zip(together, mapper(decode, together), strict=True):
            for table, handle in tables.items():
                with naming_store(settings.lake_root):
                    _replace(table, handle, group, getattr(rows.decoded, table.name))
            count += len(group)
            if progress is not None:
                progress(count, in_all)
        for table, handle in tables.items():
            _note(table, handle, spool_id)
        logger.info("%s: %d segments decoded again, as this version does", spool_id, in_all)
    return count


def _is_behind(handle: DeltaTable, spool_id: str) -> bool:
    """Whether rows of a spool are there, made by an earlier decoder; raises NewerLake where it was a later one."""
    made_by = handle.transaction_version(decoder_note(spool_id)) or 0
    if made_by > DECODER:
        raise NewerLake(handle.table_uri)
    return bool(handle.transaction_version(spool_id)) and made_by < DECODER


def _reached(segments: Sequence[Segment], tables: dict[LakeTable, DeltaTable], since: datetime | None) -> list[Segment]:
    """Those that are in a table, of messages received after `since`; None: no matter when."""
    if not segments:
        return []
    last = max(handle.transaction_version(segments[0].spool_id) or 0 for handle in tables.values())
    return [segment for segment in segments if segment.number <= last and _is_later(segment, since)]


def _is_later(segment: Segment, since: datetime | None) -> bool:
    if since is None:
        return True
    first_us = pc.min(read_segment(segment.path)["received_us"]).as_py()
    return bool(first_us > since.replace(tzinfo=UTC).timestamp() * 1e6)


def _whole(group: list[Segment], tables: dict[LakeTable, DeltaTable]) -> list[Segment]:
    """Those of a group that still have the message of every row of the lake that came from them."""
    there = {
        (segment.number, found.payload_hash)
        for segment in group
        for found in received_messages(read_segment(segment.path), segment.spool_id, segment.number)
    }
    numbers = [segment.number for segment in group]
    of_group = (pc.field("spool_id") == group[0].spool_id) & pc.field("segment_no").isin(numbers)
    lost: set[int] = set()
    for handle in tables.values():
        dataset: ds.Dataset = handle.to_pyarrow_dataset()
        named = dataset.to_table(columns=["segment_no", "payload_hash"], filter=of_group)
        named = named.group_by(["segment_no", "payload_hash"]).aggregate([])
        pairs = zip(named["segment_no"].to_pylist(), named["payload_hash"].to_pylist(), strict=True)
        lost |= {number for number, payload_hash in pairs if (number, payload_hash) not in there}
    return [segment for segment in group if segment.number not in lost]


def _replace(table: LakeTable, handle: DeltaTable, group: list[Segment], rows: pa.Table) -> None:
    """Put rows in the place of those that the same segments gave, as far as the table has come."""
    spool_id = group[0].spool_id
    reached = handle.transaction_version(spool_id) or 0
    numbers = [segment.number for segment in group if segment.number <= reached]
    if not numbers:
        return
    listed = ", ".join(map(str, numbers))
    of_group = f"spool_id = '{spool_id}' and segment_no in ({listed})"
    rows = sorted_rows(rows.filter(pc.is_in(rows["segment_no"], pa.array(numbers, pa.int64()))), table)

    def write() -> None:
        if rows.num_rows:
            write_deltalake(
                handle,
                rows,
                mode="overwrite",
                predicate=of_group,
                writer_properties=writer_properties(table),
                commit_properties=only_on_top(),
            )
        else:
            handle.delete(of_group, writer_properties=writer_properties(table), commit_properties=only_on_top())

    _committed(handle, write)


def _note(table: LakeTable, handle: DeltaTable, spool_id: str) -> None:
    """Write down that all rows of a spool are by this decoder, or cannot be."""

    def write() -> None:
        write_deltalake(
            handle,
            table.schema.empty_table(),
            mode="append",
            commit_properties=only_on_top([Transaction(decoder_note(spool_id), DECODER)]),
        )

    _committed(handle, write)


def _committed(handle: DeltaTable, write: Callable[[], None]) -> None:
    """Make a commit; once more where another machine came first, for it brings rows of other segments."""
    for _ in range(TRIES):
        try:
            write()
        except CommitFailedError:
            time.sleep(PAUSE_S)
            handle.update_incremental()
        else:
            handle.update_incremental()
            return
    raise LakeChanged(handle.table_uri)
