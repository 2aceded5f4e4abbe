"""How does a new copy take the place of the old one, and when is an old one deleted?

A copy is built beside the others, flushed, and given its versioned name; then a link is moved onto it in one step. Who
has the old file open keeps reading it; who opens the link next sees the new one. A run that dies half way leaves a
file nobody links to, which the next run removes.

An old copy stays while somebody has it open: DuckDB holds a read lock on what it reads, and the lock can be seen
without taking one. A reader that keeps a copy open for days keeps that one, and the lake files that it names.
"""

import fcntl
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o750, 0o640
BUILDING = ".building"
NETWORK_LINK = "network.duckdb"  # beside the link of the copy for all
_GENERATION = "%Y%m%dT%H%M%S%f"
_IN_NAME = re.compile(r"\d{8}T\d{12}")
# struct flock of 64-bit Linux: type, whence, start, length, process.
_FLOCK = "hhqqi4x"


def make_folder(folder: Path) -> None:
    """Make a folder for copies, closed to others, and remove what runs that died left in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    for leftover in folder.glob(f"*{BUILDING}*"):
        leftover.unlink()


def generation_of(path: Path) -> str:
    """The generation in the name of a copy; empty where there is none."""
    found = _IN_NAME.search(path.name)
    return found.group() if found else ""


def generated_utc(path: Path) -> datetime | None:
    """When the copy with this name was begun; None where the name does not say."""
    generation = generation_of(path)
    return datetime.strptime(generation, _GENERATION) if generation else None


def next_generation(copies: Sequence[Path]) -> str:
    """A name for the next generation: the time, and greater than all before it even where a clock was set back."""
    now = datetime.now(UTC).replace(tzinfo=None)
    before = max((generation_of(path) for path in copies), default="")
    if before:
        now = max(now, datetime.strptime(before, _GENERATION) + timedelta(microseconds=1))
    return now.strftime(_GENERATION)


def copy_file(source: Path, target: Path, *, is_source_read: bool) -> None:
    """Copy a large file; raise OSError where it cannot be copied.

    Where the file system can, both share their blocks until one is written. Else it goes past the page cache: a copy is
    to be on disk before anybody reads it, and readers want little of it, so pages to keep it in would be cleared and
    filled for nobody, and push out what others read. Of a source that is read anyway they are there.
    Left to another process, because a process that opens and closes a file loses the locks that DuckDB holds on it.
    """
    past = ["oflag=direct"] if is_source_read else ["iflag=direct", "oflag=direct"]
    shared = ["cp", "--reflink=always", str(source), str(target)]
    direct = ["dd", f"if={source}", f"of={target}", "bs=4M", "status=none", *past]
    said = ""
    for copying in (shared, direct, ["cp", str(source), str(target)]):
        if shutil.which(copying[0]) is None:
            continue
        done = subprocess.run(copying, check=False, stderr=subprocess.PIPE, text=True)
        if not done.returncode:
            return
        said = done.stderr.strip() or f"{copying[0]} ended with {done.returncode}"
        if done.returncode < 0:  # by a signal, which was not about this way of copying
            break
    raise OSError(said or "neither cp nor dd is installed")


def swap_in(building: Path, final: Path, link: Path) -> None:
    """Give a finished copy its name and move the link onto it; on disk when this returns."""
    building.chmod(FILE_MODE)
    flush(building)
    building.rename(final)
    flush(final.parent)
    swapped = link.with_name(f"{link.name}.link")
    swapped.unlink(missing_ok=True)
    swapped.symlink_to(os.path.relpath(final, link.parent))
    swapped.replace(link)
    flush(link.parent)


def delete_old(copies: Sequence[Path], keep: int) -> list[Path]:
    """Delete all but the last `keep` copies and those that are open, and return what was deleted; oldest first."""
    deleted = [path for path in copies[: max(len(copies) - keep, 0)] if not is_open(path)]
    for path in deleted:
        path.unlink(missing_ok=True)  # `warehouse.ahead` may be at it as well
    return deleted


def is_open(path: Path) -> bool:
    """Whether some process reads this file through DuckDB: whether a lock to write it would be refused.

    Asks and takes nothing, so that no reader is refused because of us. Where the system cannot be asked the answer is
    no: a deleted file is still read by whoever has it open, and loses its lake views a day later at the earliest.
    """
    ask = getattr(fcntl, "F_OFD_GETLK", None)
    if ask is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, ask, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


@contextmanager
def flushed_beside(path: Path) -> Iterator[None]:
    """Flush a file while the block runs, so that its last flush finds little to do."""
    with ThreadPoolExecutor(1) as beside:
        flushed = beside.submit(flush, path)
        yield
        flushed.result()


def flush(path: Path) -> None:
    """Wait until the system has a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
