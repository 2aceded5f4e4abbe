"""How do bytes come to disk so that a crash or a power loss leaves them whole, or not there at all?"""

import os
from pathlib import Path

FILE_MODE = 0o600
PART_SUFFIX = ".part"  # of a file that is being written; one that is left over was never finished


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, however often that takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_path(path: Path) -> None:
    """Put a file, or the names in a folder, on disk: without the latter a new file may vanish after a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, or replace it, whole; it is on disk when this returns, and its owner's only."""
    part_path = path.with_suffix(PART_SUFFIX)
    descriptor = os.open(part_path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)  # also of one that a run that died left
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part_path.rename(path)
    sync_path(path.parent)
