"""Which spools are there, and which segments does each have? Told by the names of files; none is opened."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

IMPORTS = "imports"  # the spool of imported files: no collector writes it
OPEN_SUFFIX = ".open"
SEALED_SUFFIX = ".parquet"
TORN_SUFFIX = ".torn"
DAMAGED_SUFFIX = ".damaged"


class Segment(NamedTuple):
    """A sealed file of the spool; numbers ascend within a spool and never return."""

    spool_id: str
    number: int
    path: Path


def sealed_segments(folder: Path) -> list[Segment]:
    """List the sealed segments of a spool in ascending order.

    Never shows a number while a smaller one may still come.
    """
    # A folder that changes while it is listed may show a new file and hide an older one. What the
    # first listing shows was complete before the second began, so the second has all below it.
    newest = max(numbered(folder.glob(f"*{SEALED_SUFFIX}")), default=0)
    names = list(folder.iterdir())
    sealed = numbered(path for path in names if path.suffix == SEALED_SUFFIX)
    unsealed = numbered(path for path in names if path.suffix == OPEN_SUFFIX).keys() - sealed.keys()
    end = min(unsealed, default=newest + 1)
    if not sealed:
        return []
    spool_id = (folder / "id").read_text().strip()
    return [Segment(spool_id, number, sealed[number]) for number in sorted(sealed) if number <= newest and number < end]


def is_unused(folder: Path) -> bool:
    """Whether nothing was ever written to a spool."""
    return not (folder / "number").exists() and not numbered(folder.iterdir())


def spool_folders(spool_dir: Path) -> list[Path]:
    """List the spools of all collectors under the spool directory."""
    return sorted(path.parent for path in spool_dir.glob("*/id"))


def is_written_since(spool_dir: Path, instant_ns: int) -> bool:
    """Whether a file came to a spool, or went, after an instant of Unix time; asks nothing but the folders' times."""
    return any(folder.stat().st_mtime_ns > instant_ns for folder in spool_folders(spool_dir))


def numbered(paths: Iterable[Path]) -> dict[int, Path]:
    """Index segment files by their number; other files are left out."""
    return {int(path.stem): path for path in paths if path.stem.isdecimal()}
