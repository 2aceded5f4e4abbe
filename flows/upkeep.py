"""What keeps the line small? Data over its time expires, small files of past dates are merged, replaced files deleted.

A segment that is not yet in the lake never expires; a lake file that a published copy names is never deleted.
DuckDB keeps the blocks of deleted rows to use them again: once most of the warehouse's file is such, it is made anew.
"""

import logging
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from flows.privacy.expiring import cut_for_space, expire_locked, loaded_segments
from flows.settings import Settings
from ingest.compaction import compact
from ingest.handed_over import forget
from ingest.lake import vacuum
from ingest.reached import segments_reached
from warehouse.connection import open_database, writer_lock
from warehouse.publish import delete_unneeded, lake_versions_in_use
from warehouse.rewriting import rewrite

logger = logging.getLogger(__name__)

DISK_SHARE = 0.8  # of the volume, where ODOGRAPH_SPOOL_MAX_GB is not set
WAIT_S = 60.0
WORTH_BYTES = 64 << 20  # of free blocks, before a warehouse is written anew


class Upkeep(NamedTuple):
    """Counts of files, of rows and messages that were over their time, and bytes the warehouse gave back."""

    merged: int
    deleted: int
    expired_segments: int
    expired_rows: int
    shrunk_bytes: int


def upkeep(settings: Settings) -> Upkeep:
    """Expire, merge and delete; raises WarehouseBusy while a refresh runs for longer than a minute."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        today = datetime.now(UTC).date()
        before = len(loaded_segments(settings))
        due = expire_locked(settings, today)
        _make_space(settings, today)
        merged = compact(settings, today)
        delete_unneeded(settings.published_dir)
        deleted = vacuum(settings, lake_versions_in_use(settings.published_dir))
        forget(settings, segments_reached(settings))
        expired = before - len(loaded_segments(settings))
        shrunk = shrink(settings.warehouse_path)
    done = Upkeep(merged, deleted, expired, sum(found.row_count for found in due), shrunk)
    logger.info("upkeep: %s", done._asdict())
    return done


def shrink(path: Path) -> int:
    """Write the warehouse anew where more of its file is free than used; returns bytes given back. Needs the lock."""
    with open_database(path) as warehouse:
        warehouse.execute("checkpoint")
        block, used, free = warehouse.execute(
            "select block_size, used_blocks, free_blocks from pragma_database_size()"
        ).fetchall()[0]
    if free <= used or free * block < WORTH_BYTES:
        return 0
    before = path.stat().st_size
    rewrite(path)
    return before - path.stat().st_size


def _make_space(settings: Settings, today: date) -> None:
    """Let go of the oldest loaded segments of a spool over its size; what is held stays whatever it takes."""
    loaded = loaded_segments(settings)
    limit = (settings.spool_max_gb or 0) * 1e9 or DISK_SHARE * shutil.disk_usage(settings.data_dir).total
    sizes = [segment.path.stat().st_size for segment in loaded]
    excess = sum(sizes) - limit
    count = 0
    while count < len(loaded) and excess > 0:
        excess -= sizes[count]
        count += 1
    if count:
        cut = cut_for_space(settings, loaded[:count], today)
        logger.warning("spool over its size: %d segments that are not over their time expired", cut)
