"""What keeps the line small? Small files of past dates are merged, replaced files deleted, old raw messages expired.

A segment that is not yet in the lake never expires; a lake file that a published copy names is never deleted.
"""

import logging
import shutil
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flows.settings import Settings
from ingest.lake import compact, vacuum, waiting_segments
from ingest.spool import Segment, sealed_segments
from warehouse.connection import writer_lock
from warehouse.publish import lake_versions_in_use

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
        merged = compact(settings, datetime.now(UTC).date())
        deleted = vacuum(settings, lake_versions_in_use(settings.published_dir))
        expired = _expire_segments(settings)
    done = Upkeep(merged, deleted, expired)
    logger.info("upkeep: %s", done._asdict())
    return done


def _expire_segments(settings: Settings) -> int:
    count = 0
    oldest_kept = (datetime.now(UTC) - timedelta(days=RAW_DAYS)).timestamp()
    for folder, waiting in waiting_segments(settings).items():
        not_loaded = {segment.number for segment in waiting}
        loaded = [segment for segment in sealed_segments(folder) if segment.number not in not_loaded]
        old = [segment for segment in loaded if segment.path.stat().st_mtime < oldest_kept]
        early = _over_limit(loaded[len(old) :], settings)
        if early:
            logger.warning("spool over its size: %d segments younger than %d days expire", len(early), RAW_DAYS)
        for segment in old + early:
            segment.path.unlink()
        count += len(old) + len(early)
    return count


def _over_limit(loaded: list[Segment], settings: Settings) -> list[Segment]:
    limit = (settings.spool_max_gb or 0) * 1e9 or DISK_SHARE * shutil.disk_usage(settings.data_dir).total
    sizes = [segment.path.stat().st_size for segment in loaded]
    excess = sum(sizes) - limit
    early = []
    for segment, size in zip(loaded, sizes, strict=True):
        if excess <= 0:
            break
        early.append(segment)
        excess -= size
    return early
