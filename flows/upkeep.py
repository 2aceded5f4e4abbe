"""What keeps the line small? Small files of past dates are merged, replaced files deleted, old raw messages expired.

A segment that is not yet in the lake never expires; a lake file that a published copy names is never deleted.
"""

import logging
import shutil
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flows.settings import Settings
from ingest.lake import compact, vacuum, waiting_segments
from ingest.spool import sealed_segments
from warehouse.connection import writer_lock
from warehouse.publish import delete_unneeded, lake_versions_in_use

logger = logging.getLogger(__name__)

RAW_DAYS = 30
DISK_SHARE = 0.8  # of the volume, where ODOGRAPH_SPOOL_MAX_GB is not set
WAIT_S = 60.0


class Upkeep(NamedTuple):
    """Counts of files."""

    merged: int
    deleted: int
    expired_segments: int


def upkeep(settings: Settings) -> Upkeep:
    """Merge, delete and expire; raises WarehouseBusy while a refresh runs for longer than a minute."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        delete_unneeded(settings.published_dir)
        merged = compact(settings, datetime.now(UTC).date())
        deleted = vacuum(settings, lake_versions_in_use(settings.published_dir))
        expired = _expire_segments(settings)
    done = Upkeep(merged, deleted, expired)
    logger.info("upkeep: %s", done._asdict())
    return done


def _expire_segments(settings: Settings) -> int:
    loaded = []
    for folder, waiting in waiting_segments(settings).items():
        not_loaded = {segment.number for segment in waiting}
        loaded += [
            (segment.path.stat().st_mtime, segment.path.stat().st_size, segment.path)
            for segment in sealed_segments(folder)
            if segment.number not in not_loaded
        ]
    loaded.sort()
    oldest_kept = (datetime.now(UTC) - timedelta(days=RAW_DAYS)).timestamp()
    limit = (settings.spool_max_gb or 0) * 1e9 or DISK_SHARE * shutil.disk_usage(settings.data_dir).total
    excess = sum(size for _, size, _ in loaded) - limit
    count = early_count = 0
    for written, size, path in loaded:
        if written >= oldest_kept and excess <= 0:
            break
        path.unlink()
        excess -= size
        count += 1
        early_count += written >= oldest_kept
    if early_count:
        logger.warning("spool over its size: %d segments younger than %d days expired", early_count, RAW_DAYS)
    return count
