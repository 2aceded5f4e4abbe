"""What is in a backup, and is it whole?

A backup is a folder with one folder for each time it was made, named by that time. Each of those is complete by itself:
the files of the data directory under `data/`, and `manifest.json`, written last, with size and SHA-256 of each.
A folder without a manifest was never finished.
"""

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ingest.durable import replace_file

MANIFEST = "manifest.json"
DATA = "data"  # the folder with the files, beside the manifest
VERSION = 1
STAMP = "%Y%m%dT%H%M%SZ"
BLOCK_BYTES = 1 << 20
Progress = Callable[[str, int, int], None]  # stage, done, in all


class NoBackup(Exception):
    """There is no finished backup where one was expected."""


class BackupDamaged(Exception):
    """Files of a backup are missing or are not what they were."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.names = folder, names
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        super().__init__(f"{folder} is damaged: {shown}")


class Kept(NamedTuple):
    """One file: its size, when it was last changed in the data directory, and the SHA-256 of its content."""

    size: int
    mtime_ns: int
    sha256: str


class Manifest(NamedTuple):
    """What a backup holds.

    made_utc      ISO 8601
    code_version  of Odograph
    lake_url      of a lake that is not under the data directory, and so not in the backup; else None
    files         by path under `data/`
    """

    made_utc: str
    code_version: str
    lake_url: str | None
    files: dict[str, Kept]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it, to disk: with it the backup is finished."""
    told = manifest._asdict() | {"version": VERSION}
    replace_file(folder / MANIFEST, json.dumps(told, indent=1).encode())


def read_manifest(folder: Path) -> Manifest:
    """Read it; raise NoBackup where there is none that this version can read."""
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if told.pop("version") != VERSION:
            raise NoBackup(f"{folder} was made by a newer version of Odograph")
        files = {name: Kept(*kept) for name, kept in told.pop("files").items()}
        return Manifest(**told, files=files)
    except FileNotFoundError as error:
        raise NoBackup(f"{folder} holds no finished backup") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoBackup(f"{folder / MANIFEST} cannot be read: {error}") from error


def finished(folder: Path) -> list[Path]:
    """The finished backups in a folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}") if _is_stamp(path.parent.name))


def chosen(folder: Path) -> Path:
    """The backup that a person means: the folder itself, or the newest in it. Raises NoBackup."""
    if (folder / MANIFEST).exists():
        return folder
    if found := finished(folder):
        return found[-1]
    raise NoBackup(f"{folder} holds no finished backup")


def digest_of(path: Path, out: Path | None = None) -> str:
    """The SHA-256 of a file, which is copied to `out` on the way where one is given."""
    digest = sha256()
    with path.open("rb") as source:
        if out is None:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
        else:
            with out.open("xb") as copy:
                while block := source.read(BLOCK_BYTES):
                    digest.update(block)
                    copy.write(block)
    return digest.hexdigest()


def _is_stamp(name: str) -> bool:
    try:
        datetime.strptime(name, STAMP)
    except ValueError:
        return False
    return True
