"""How do bytes come to disk so that a crash or a power loss leaves them whole, or not there at all?"""

import os
from pathlib import Path
from typing import Any

FILE_MODE = 0o600
FOLDER_MODE = 0o700
PART_SUFFIX = ".part"  # of a file that is being written; one that is left over was never finished
MOST_PIECES = 64  # written at once; a batch of a spool has some twenty

Buffer = Any  # bytes, or what shows its bytes without a copy, such as a buffer of Arrow


def write_all(descriptor: int, *pieces: Buffer) -> None:
    """Write all of it, piece by piece and without copying any, however often that takes."""
    left = [memoryview(piece).cast("B") for piece in pieces]
    while left:
        written = os.writev(descriptor, left[:MOST_PIECES])
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


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
