"""How does the lake lose what was erased, and all traces of it?

Partition by partition the rows that are left replace the rows that were there; a partition that loses nothing is not
touched, so the work can be done again after a crash. Delta's log keeps the smallest and greatest values of every file,
old ones too: a checkpoint is written and the log before it deleted. Files that only older versions name go at the end
(`vacuum_at_once`), when no published copy reads them any more.
"""

from datetime import date, timedelta

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from ingest.columns import LAKE_TABLES, LakeTable
from ingest.commits import LakeChanged, only_on_top
from ingest.erasing import kept_rows
from ingest.lake import TABLE_CONFIGURATION, sorted_rows, writable_table, writer_properties
from ingest.settings import IngestSettings
from ingest.tombstones import Tombstones

_DATED = ("positions", "events")  # partitioned by the date of what they tell, so most partitions need no look


def erase_from_lake(settings: IngestSettings, tombstones: Tombstones) -> dict[str, int]:
    """Leave in every table what the tombstones leave; returns how many rows of each went or changed. Needs the lock."""
    counts = {}
    for table in LAKE_TABLES:
        handle = writable_table(table, settings)
        counts[table.name] = sum(
            _erase_from_partition(table, handle, partition, tombstones)
            for partition in sorted(found[table.partition_by] for found in handle.partitions())
            if table.name not in _DATED or _may_concern(partition, tombstones)
        )
        _forget_log(handle)
    return counts


def rows_under_tombstones(settings: IngestSettings, tombstones: Tombstones) -> dict[str, int]:
    """How many rows of each table the tombstones would not leave as they are."""
    counts = {}
    for table in LAKE_TABLES:
        handle = writable_table(table, settings)
        counts[table.name] = 0
        for partition in sorted(found[table.partition_by] for found in handle.partitions()):
            rows = _rows_of(table, handle, f"{table.partition_by} = '{partition}'")
            kept = kept_rows(table.name, rows, tombstones)
            counts[table.name] += 0 if kept is rows else _difference(rows, kept)
    return counts


def vacuum_at_once(settings: IngestSettings) -> int:
    """Delete every file that the newest versions do not name; returns their count."""
    return sum(
        len(writable_table(table, settings).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True))
        for table in LAKE_TABLES
    )


def _erase_from_partition(table: LakeTable, handle: DeltaTable, partition: str, tombstones: Tombstones) -> int:
    predicate = f"{table.partition_by} = '{partition}'"
    rows = _rows_of(table, handle, predicate)
    kept = kept_rows(table.name, rows, tombstones)
    if kept is rows:
        return 0
    try:
        if kept.num_rows:
            write_deltalake(
                handle,
                sorted_rows(kept, table),
                mode="overwrite",
                predicate=predicate,
                writer_properties=writer_properties(table),
                commit_properties=only_on_top(),
            )
        else:
            handle.delete(predicate, commit_properties=only_on_top())
    except CommitFailedError as error:
        raise LakeChanged(handle.table_uri) from error
    handle.update_incremental()
    return _difference(rows, kept)


def _rows_of(table: LakeTable, handle: DeltaTable, predicate: str) -> pa.Table:
    dataset = handle.to_pyarrow_dataset(file_pruning_predicate=predicate)
    return dataset.to_table(columns=table.schema.names).cast(table.schema)


def _difference(before: pa.Table, after: pa.Table) -> int:
    if before.num_rows != after.num_rows:
        return int(before.num_rows - after.num_rows)
    return sum(one != other for one, other in zip(before.to_pylist(), after.to_pylist(), strict=True))


def _may_concern(partition: str, tombstones: Tombstones) -> bool:
    first = date.fromisoformat(partition)
    start_us, end_us = (_us(day) for day in (first, first + timedelta(days=1)))
    return any(
        start < end_us and end > start_us
        for stone in tombstones.stones
        for ranges in stone.devices.values()
        for start, end in ranges
    )


def _us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000_000


def _forget_log(handle: DeltaTable) -> None:
    handle.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
    handle.create_checkpoint()
    handle.cleanup_metadata()
    kept = {"delta.logRetentionDuration": TABLE_CONFIGURATION["delta.logRetentionDuration"]}
    handle.alter.set_table_properties(kept)
