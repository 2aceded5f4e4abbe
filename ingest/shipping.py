"""How do sealed segments get to the machine that loads them, where that is another one?

    spool/<collector>/<number>.parquet  ->  ODOGRAPH_SPOOL_URL/<spool id>/<number>.parquet

One after the other in ascending order, each once: what the store has of a segment is read back and compared before
`shipped`, a file beside the segments, says how far we are. A crash between the two is no harm, the next try finds the
same bytes there. An object of other bytes is never replaced. Our file stays until it was shipped and its time is over.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic, time
from typing import Any

from ingest.durable import PART_SUFFIX, replace_file
from ingest.listing import Segment, sealed_segments
from ingest.settings import IngestSettings
from ingest.stores import StoreFailed, files_at, naming_store

logger = logging.getLogger(__name__)

SHIPPED = "shipped"  # the highest number that is surely in the store
DAY_S = 86_400
DISK_SHARE = 0.8  # of the volume, where ODOGRAPH_SPOOL_MAX_GB is not set
LOOK_S = 5.0  # segments are sealed about as often
LONGEST_PAUSE_S = 60.0
EXPIRE_S = 600.0


def ship(settings: IngestSettings, folder: Path, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Bring every sealed segment of a spool that is not yet in the store there; returns how many that were.

    Raises StoreFailed; what was shipped before stays shipped.
    """
    assert settings.spool_url is not None
    waiting = unshipped(folder)
    if not waiting:
        return 0
    files, root = files_at(settings.spool_url)
    count = 0
    for segment in waiting:
        if is_stopping():
            break
        with naming_store(settings.spool_url):
            _upload(files, f"{root}/{segment.spool_id}/{segment.path.name}", segment)
        replace_file(folder / SHIPPED, str(segment.number).encode())
        count += 1
    return count


def unshipped(folder: Path) -> list[Segment]:
    """The sealed segments of a spool that are not yet in the store for sure, oldest first."""
    reached = shipped_number(folder)
    return [segment for segment in sealed_segments(folder) if segment.number > reached]


def shipped_number(folder: Path) -> int:
    """Up to which number the segments of a spool are in the store."""
    noted = folder / SHIPPED
    return int(noted.read_text()) if noted.exists() else 0


def expire_shipped(settings: IngestSettings, folder: Path) -> int:
    """Delete shipped segments over their time, and the oldest of a spool over its size; returns how many."""
    reached = shipped_number(folder)
    shipped = [segment.path for segment in sealed_segments(folder) if segment.number <= reached]
    sizes = {path: path.stat() for path in shipped}
    limit = (settings.spool_max_gb or 0) * 1e9 or DISK_SHARE * shutil.disk_usage(folder).total
    excess = sum(about.st_size for about in sizes.values()) - limit
    before_s = time() - settings.shipped_days * DAY_S
    count = 0
    for path, about in sizes.items():
        if about.st_mtime >= before_s and excess <= 0:
            break
        path.unlink()
        excess -= about.st_size
        count += 1
    return count


@contextmanager
def shipping(settings: IngestSettings, folder: Path) -> Iterator[None]:
    """Ship while the block runs, on a thread of its own, and once more at its end; nothing without a store."""
    if settings.spool_url is None:
        yield
        return
    stopping = threading.Event()
    thread = threading.Thread(target=_ship_until, args=(settings, folder, stopping), name="shipper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        try:
            ship(settings, folder)
        except (OSError, StoreFailed) as error:
            logger.warning("left for the next start: %s", error)


def _ship_until(settings: IngestSettings, folder: Path, stopping: threading.Event) -> None:
    pause_s, expired_s = LOOK_S, 0.0
    while not stopping.wait(pause_s):
        try:
            if (folder / "id").exists():
                count = ship(settings, folder, stopping.is_set)
                if count:
                    logger.info("%d segments shipped to %s", count, settings.spool_url)
                if monotonic() - expired_s > EXPIRE_S:
                    expire_shipped(settings, folder)
                    expired_s = monotonic()
            pause_s = LOOK_S
        except (OSError, StoreFailed) as error:
            logger.error("segments stay here for now: %s", error)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _upload(files: Any, path: str, segment: Segment) -> None:
    """Put a segment under its name when all of it is there, as on a disk: a client that gives up may leave a part."""
    content = segment.path.read_bytes()
    if _has(files, path, content):
        return
    part = f"{path}{PART_SUFFIX}"
    with files.open_output_stream(part) as stream:
        stream.write(content)
    if not _has(files, part, content):
        raise StoreFailed(f"{part} was written and is not in the store")
    files.move(part, path)


def _has(files: Any, path: str, content: bytes) -> bool:
    """Whether the store has exactly this; raises StoreFailed where it has something else under the name."""
    import pyarrow.fs as arrow_files

    found = files.get_file_info(path)
    if found.type == arrow_files.FileType.NotFound:
        return False
    if found.size == len(content):
        with files.open_input_stream(path) as stream:
            if sha256(stream.read()).digest() == sha256(content).digest():
                return True
    raise StoreFailed(
        f"{path} holds other bytes than our segment of that name: is this spool a copy of another machine's? Give the"
        " collector a new name (ODOGRAPH_COLLECTOR)"
    )
