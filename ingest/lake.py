"""How do decoded rows get into the lake, each segment of the spool once?

A loader reads the last segment number a table has recorded for a spool, commits the later segments in ascending
number, and records the number reached in the same commit. On one machine the warehouse's writer lock lets one load at
a time. Several machines may load into one lake: a commit is good only on top of the version it was decided on, so of
two loaders one is refused, sees what the other brought and adds what is left.
A crash between two tables is no harm: each table knows for itself how far it has come.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    ColumnProperties,
    DeltaTable,
    Field,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ingest.adapters.sources import read_sources
from ingest.columns import DECODER, LAKE_TABLES, LakeTable, decoder_note
from ingest.commits import LakeChanged, only_on_top
from ingest.decode import Decoded
from ingest.groups import GroupRows, Mapper, decoded_group, groups
from ingest.handed_over import fetch
from ingest.reached import in_all, waiting
from ingest.scanned import Scanners
from ingest.settings import IngestSettings
from ingest.spool import Segment, recover, sealed_segments, spool_folders
from ingest.spool_erasing import erase_from_segment
from ingest.store_check import check_store
from ingest.stores import delta_options, is_remote, naming_store
from ingest.tombstones import read_tombstones

logger = logging.getLogger(__name__)

VACUUM_AFTER_H = 24
TRIES = 20  # to commit while others do
PAUSE_S = 0.2  # at most, before the next try
ROW_GROUP_ROWS = 1 << 19  # what a reader holds of a file at once: 14 vans of a day at one fix a second
# The same of a loader's file, which has all senders: so a portion of them is read without decoding all of every file.
LOADED_GROUP_ROWS = 1 << 15
# Who opens a table reads its last checkpoint and all commits since: five tables of fifty took a refresh 0.15 s.
COMMITS_A_CHECKPOINT = 20
TABLE_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 7 days",
    "delta.deletedFileRetentionDuration": f"interval {VACUUM_AFTER_H} hours",
    "delta.checkpointInterval": str(COMMITS_A_CHECKPOINT),
}


class Loaded(NamedTuple):
    """What one load brought into the lake; counts of rows."""

    segments: int
    messages: int
    positions: int
    events: int
    purchases: int
    plans: int
    rejects: int


class LakeVersion(NamedTuple):
    """One version of a table and the files that make it up.

    `is_mixed`: the table was begun with fewer columns, so some of its files may lack the later ones.
    """

    version: int
    files: list[str]
    is_mixed: bool


Lake = Mapping[str, DeltaTable]  # every table by its name, open
NOTHING_LOADED = Loaded(0, 0, 0, 0, 0, 0, 0)
Progress = Callable[[int, int], None]  # segments done, segments in all


def load_spool(
    settings: IngestSettings,
    progress: Progress | None = None,
    *,
    scanners: Scanners | None = None,
    mapper: Mapper = map,
    lake: Lake | None = None,
) -> Loaded:
    """Bring every sealed segment that is not yet in the lake into it, those of collectors elsewhere too.

    What a dead collector left behind is recovered.

    With `scanners` ordinary messages are read by the bytes of whole columns, with equal rows. `mapper` says who
    decodes; writing stays here. `lake` is opened where it is not given, and afterwards it is of the newest version.
    """
    check_store(settings)
    opened = lake or opened_lake(settings)
    total = NOTHING_LOADED
    sources = read_sources(settings)
    tombstones = read_tombstones(settings.data_dir)
    tables = [with_new_columns(table, opened[table.name]) for table in LAKE_TABLES]
    fetch(settings, in_all([table.transaction_version for table in tables]))
    for folder in spool_folders(settings.spool_dir):
        recover(folder)  # does nothing while a collector holds the spool's lock
        behind = waiting(sealed_segments(folder), [table.transaction_version for table in tables])
        done = 0
        together = list(groups(behind))
        decode = partial(
            decoded_group, max_age_days=settings.max_age_days, sources=sources, tombstones=tombstones, scanners=scanners
        )
        for group, rows in zip(together, mapper(decode, together), strict=True):
            for segment in group if tombstones else []:  # before it counts as loaded: nobody comes back for it
                erase_from_segment(segment, tombstones, sources)
            loaded = _load_group(group, rows, tables, settings)
            total = Loaded(*(a + b for a, b in zip(total, loaded, strict=True)))
            done += len(group)
            if progress is not None:
                progress(done, len(behind))
    return total


def opened_lake(settings: IngestSettings) -> Lake:
    """Every table in its newest version. What it costs grows with their logs: ask one for several things."""
    with ThreadPoolExecutor(len(LAKE_TABLES)) as at_once:
        opened = at_once.map(partial(opened_table, settings=settings), LAKE_TABLES)
        return {table.name: handle for table, handle in zip(LAKE_TABLES, opened, strict=True)}


def lake_files(settings: IngestSettings, lake: Lake | None = None) -> dict[str, LakeVersion]:
    """The newest version of every table, with its Parquet files by absolute path or URL; `lake` if that is open."""
    versions = {}
    opened = lake or opened_lake(settings)
    for table in LAKE_TABLES:
        handle = opened[table.name]
        # Columns that came later stand last; a table begun with all of them has them in our order.
        is_mixed = handle.schema().to_arrow().names != table.schema.names
        versions[table.name] = LakeVersion(handle.version(), sorted(handle.file_uris()), is_mixed)
    return versions


def lake_rows(settings: IngestSettings, lake: Lake | None = None) -> dict[str, int]:
    """How many rows every table has, as decoded, repeats included; from Delta's log, so that no data is read."""
    opened = lake or opened_lake(settings)
    files = {name: pa.table(table.get_add_actions(flatten=True)) for name, table in opened.items()}
    return {name: pc.sum(found["num_records"]).as_py() or 0 for name, found in files.items()}


def vacuum(settings: IngestSettings, keep_versions: Mapping[str, Sequence[int]]) -> int:
    """Delete files that no version to keep names and that were replaced a day ago or earlier; returns their count."""
    deleted = 0
    for table in LAKE_TABLES:
        handle = opened_table(table, settings)
        kept = [version for version in keep_versions.get(table.name, ()) if version <= handle.version()]
        try:
            with naming_store(settings.lake_root):
                deleted += len(handle.vacuum(VACUUM_AFTER_H, dry_run=False, keep_versions=kept or None))
        except DeltaError as error:  # the log of a version that is still read has been cleaned away
            logger.warning("%s is not vacuumed while a published copy reads an old version: %s", table.name, error)
    return deleted


def writable_table(table: LakeTable, settings: IngestSettings) -> DeltaTable:
    """The newest version of a table, with all of our columns; needs the writer's lock."""
    return with_new_columns(table, opened_table(table, settings))


def sorted_rows(rows: pa.Table, table: LakeTable) -> pa.Table:
    """Rows in the order of a table's files."""
    return rows.sort_by([(name, "ascending") for name in table.sort_by])


def _load_group(group: list[Segment], rows: GroupRows, tables: list[DeltaTable], settings: IngestSettings) -> Loaded:
    spool_id, last = group[-1].spool_id, group[-1].number

    def append(table: LakeTable, handle: DeltaTable) -> None:
        with naming_store(settings.lake_root):
            _append(table, handle, getattr(rows.decoded, table.name), spool_id, last)

    with ThreadPoolExecutor(len(tables)) as at_once:
        list(at_once.map(append, LAKE_TABLES, tables))
    counts = {name: getattr(rows.decoded, name).num_rows for name in Decoded._fields}
    logger.info("segments %d to %d of %s in the lake: %s", group[0].number, last, spool_id, counts)
    return Loaded(segments=len(group), messages=rows.messages, **counts)


def _append(table: LakeTable, handle: DeltaTable, rows: pa.Table, spool_id: str, last: int) -> None:
    for _ in range(TRIES):
        reached = handle.transaction_version(spool_id) or 0
        if reached >= last:
            return
        notes = [Transaction(spool_id, last)]
        if not reached:  # rows of an earlier decoder, where there are any, were made anew before
            notes.append(Transaction(decoder_note(spool_id), DECODER))
        if reached:  # a crash came after this table and before another, or another machine was first
            rows = rows.filter(pc.greater(rows["segment_no"], reached))
        try:
            write_deltalake(
                handle,
                sorted_rows(rows, table),
                mode="append",
                writer_properties=writer_properties(table, LOADED_GROUP_ROWS),
                commit_properties=only_on_top(notes),
            )
        except CommitFailedError:
            time.sleep(random.uniform(0, PAUSE_S))
            handle.update_incremental()
        else:
            handle.update_incremental()
            return
    raise LakeChanged(handle.table_uri)


def opened_table(table: LakeTable, settings: IngestSettings) -> DeltaTable:
    """The newest version of a table, made where there is none."""
    where = f"{settings.lake_root}/{table.name}"
    options = delta_options(where)
    with naming_store(where):
        try:
            return DeltaTable(where, storage_options=options)
        except TableNotFoundError:
            if not is_remote(where):
                Path(where).mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return DeltaTable.create(
                where,
                table.schema,
                mode="ignore",
                partition_by=[table.partition_by],
                configuration=TABLE_CONFIGURATION,
                storage_options=options,
            )
        except CommitFailedError:  # another machine made it in this moment
            return DeltaTable(where, storage_options=options)


def with_new_columns(table: LakeTable, handle: DeltaTable) -> DeltaTable:
    """Add the columns that a table begun by an older version lacks; its files stay. Needs the writer's lock."""
    known = set(handle.schema().to_arrow().names)
    missing = [Field.from_arrow(field) for field in table.schema if field.name not in known]
    if missing:
        handle.alter.add_columns(missing, commit_properties=only_on_top())
        handle.update_incremental()
        logger.info("%s: new columns %s", table.name, ", ".join(field.name for field in missing))
    return handle


def writer_properties(table: LakeTable, row_group_rows: int = ROW_GROUP_ROWS) -> WriterProperties:
    """How the files of a table are written.

    LZ4, as differences of neighbours hardly shrink further: ZSTD takes a tenth less room, and reading a quarter longer.
    """
    return WriterProperties(
        compression="LZ4_RAW",
        max_row_group_size=row_group_rows,
        column_properties={
            name: ColumnProperties(encoding="DELTA_BINARY_PACKED", dictionary_enabled=False)
            for name in table.delta_encoded
        },
    )
