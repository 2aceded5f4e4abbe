"""What was held, released, exported, erased or expired, when and by whom?

A file of JSON lines that only grows: `privacy/register.jsonl` under the data directory. It is the root of what it
tells, so it outlives the warehouse: holds and tombstones are read from it. Each line carries a digest of itself and of
the line before it, so that a line that was changed, taken out or put in between shows; each is on disk before anything
is done.
A line that a crash tore was never told to anybody and is cut away by the next one.
"""

import fcntl
import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ingest.durable import FILE_MODE, FOLDER_MODE, sync_path, write_all

FIRST = "0" * 64  # what stands in the place of the line before the first


class Entry(NamedTuple):
    """One line: what was done (`hold`, `release`, `export`, `erase`, `erased`, …), its facts, and its digest."""

    number: int
    at_utc: str
    by: str
    kind: str
    facts: dict[str, Any]
    digest: str


class RegisterBroken(Exception):
    """The chain does not hold: somebody or something changed the register behind our back."""

    def __init__(self, path: Path, number: int) -> None:
        self.path, self.number = path, number
        super().__init__(f"{path}: line {number} does not follow from the line before it; the register was changed")


def register_path(data_dir: Path) -> Path:
    """Where the register of a data directory lies."""
    return data_dir / "privacy" / "register.jsonl"


def read_register(path: Path) -> list[Entry]:
    """All lines, oldest first; none without a register. Raises RegisterBroken where the chain does not hold."""
    if not path.exists():
        return []
    return _entries(path, path.read_bytes())


def append_entry(path: Path, kind: str, facts: dict[str, Any], *, by: str) -> Entry:
    """Add one line; it is on disk when this returns. Others that append at the same time wait."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        known = _entries(path, whole)
        previous = known[-1].digest if known else FIRST
        at_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {"number": len(known) + 1, "at_utc": at_utc, "by": by, "kind": kind, "facts": facts}
        entry = Entry(**told, digest=_digest(previous, told))
        os.ftruncate(descriptor, len(whole))
        os.lseek(descriptor, 0, os.SEEK_END)
        write_all(descriptor, (_line(told | {"digest": entry.digest}) + "\n").encode())
        os.fsync(descriptor)
        sync_path(path.parent)
    finally:
        os.close(descriptor)
    return entry


def _entries(path: Path, content: bytes) -> list[Entry]:
    entries: list[Entry] = []
    previous = FIRST
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            told = json.loads(line)
            digest = told.pop("digest")
            entry = Entry(**told, digest=digest)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegisterBroken(path, number) from error
        if entry.number != number or digest != _digest(previous, told):
            raise RegisterBroken(path, number)
        entries.append(entry)
        previous = digest
    return entries


def _digest(previous: str, told: dict[str, Any]) -> str:
    return sha256((previous + _line(told)).encode()).hexdigest()


def _line(told: dict[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
