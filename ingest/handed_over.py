"""How do the segments that collectors elsewhere shipped come to this machine, and when do they leave the store?

    ODOGRAPH_SPOOL_URL/<spool id>/<number>.parquet  ->  spool/<spool id>/<number>.parquet

Here they are a spool like any other, without a collector: loaded, explained, cut and erased as our own. They come in
ascending order, and only those that the lake does not have. The store is a place to hand over, not to keep: what is in
the lake goes a day after it came. So one store of segments is for one lake.
"""

import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.durable import FILE_MODE, FOLDER_MODE, PART_SUFFIX, replace_file, sync_path, write_all
from ingest.listing import SEALED_SUFFIX
from ingest.settings import IngestSettings
from ingest.stores import files_at, naming_store

logger = logging.getLogger(__name__)

FETCHED = "fetched"  # an empty file that says that a spool here was written elsewhere
KEPT_H = 24
CHUNK_BYTES = 8 << 20
_SPOOL_ID = re.compile(r"[a-z0-9-]{1,40}-[0-9a-f]{8}")
_NAME = re.compile(r"\d{12}" + re.escape(SEALED_SUFFIX))
Reached = Callable[[str], int]  # the highest number of a spool that is in every table of the lake


def is_fetched(folder: Path) -> bool:
    """Whether a spool was written elsewhere."""
    return (folder / FETCHED).exists()


def fetch(settings: IngestSettings, reached: Reached) -> int:
    """Bring every shipped segment that the lake does not have into the spool; returns how many came.

    A crash leaves whole segments only, and those of the lowest numbers.
    """
    if settings.spool_url is None:
        return 0
    count = 0
    with naming_store(settings.spool_url):
        files, root = files_at(settings.spool_url)
        for spool_id in _spool_ids(files, root):
            folder = _folder(settings, spool_id)
            if folder is None:
                continue
            for number, found in _shipped(files, f"{root}/{spool_id}").items():
                into = folder / found.base_name
                if number <= reached(spool_id) or into.exists():
                    continue
                try:
                    _download(files, found, into)
                except FileNotFoundError:  # in the lake by now, by another machine, and gone
                    break
                count += 1
    return count


def forget(settings: IngestSettings, reached: Reached, *, kept_h: float = KEPT_H) -> int:
    """Delete from the store what is in the lake and came so long ago; returns how many segments that were."""
    if settings.spool_url is None:
        return 0
    before = datetime.now(UTC) - timedelta(hours=kept_h)
    count = 0
    with naming_store(settings.spool_url):
        files, root = files_at(settings.spool_url)
        for spool_id in _spool_ids(files, root):
            for number, found in _shipped(files, f"{root}/{spool_id}").items():
                if number <= reached(spool_id) and found.mtime <= before:
                    files.delete_file(found.path)
                    count += 1
    return count


def _spool_ids(files: Any, root: str) -> list[str]:
    import pyarrow.fs as arrow_files

    found = files.get_file_info(arrow_files.FileSelector(root, allow_not_found=True))
    return sorted(each.base_name for each in found if _SPOOL_ID.fullmatch(each.base_name))


def _shipped(files: Any, path: str) -> dict[int, Any]:
    """What the store has of a spool, in ascending order; never a number while a smaller one may still come.

    A long list comes in pages, and what is shipped meanwhile may be in a later page only. So it is asked for twice:
    what the first shows was there before the second began, and with it all below.
    """
    import pyarrow.fs as arrow_files

    def listed() -> dict[int, Any]:
        found = files.get_file_info(arrow_files.FileSelector(path, allow_not_found=True))
        return {int(each.base_name.split(".")[0]): each for each in found if _NAME.fullmatch(each.base_name)}

    newest = max(listed(), default=0)
    return {number: found for number, found in sorted(listed().items()) if number <= newest}


def _folder(settings: IngestSettings, spool_id: str) -> Path | None:
    """The folder of a spool from elsewhere, made where there is none; None for a spool of our own."""
    folder = settings.spool_dir / spool_id
    if not is_fetched(folder):
        if any(path.read_text().strip() == spool_id for path in settings.spool_dir.glob("*/id")):
            return None
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        replace_file(folder / FETCHED, b"")
    if not (folder / "id").exists():
        replace_file(folder / "id", spool_id.encode())
    return folder


def _download(files: Any, found: Any, into: Path) -> None:
    part = into.with_suffix(PART_SUFFIX)
    descriptor = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
    try:
        with files.open_input_stream(found.path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                write_all(descriptor, chunk)
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if size != found.size:
        raise OSError(f"{found.path} broke off after {size} of {found.size} bytes")
    part.rename(into)
    sync_path(into.parent)
