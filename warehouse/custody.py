"""What is known of the warehouse from the last refresh, because nobody has written it since?

Two things are asked anew by every refresh and are mostly as they were: which files of the lake have rows that are not
absorbed, and what is in each part of the copy for all. A refresh notes at its end which files there were, and for which
service dates the digests it keeps (`warehouse.parts`) no longer hold. The note says which file of the warehouse it
speaks of, by its size and time: who else wrote the warehouse meanwhile, whatever wrote it, made another file of it.
Then, and where programs changed, nothing is known and everything is asked.
"""

import json
from collections.abc import Collection, Mapping
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.connection import sql
from warehouse.lake import LakeTableFiles

NOTE, DIGESTS = "known.json", "known.parquet"
# Written of dates that are rebuilt or planned anew alone, in a refresh. All other tables are small.
OF_REBUILDS = (
    *("core.ledger", "core.stops", "core.planned_stops", "core.planned_routes"),
    *("marts.idle_events", "marts.stops", "marts.planned_stops", "marts.idle_by_definition"),
)
NO_FILES: frozenset[str] = frozenset()


class Known(NamedTuple):
    """What the note in `folder` told.

    files    of the lake, all rows of which are absorbed
    touched  service dates of which the digests in `folder` do not hold; None: they hold of none
    """

    folder: Path
    files: frozenset[str] = NO_FILES
    touched: frozenset[date] | None = None

    def after(self, rebuilt: Collection[date], lake: Mapping[str, LakeTableFiles]) -> "Known":
        """What is known after this version of the lake was absorbed and these dates were rebuilt."""
        files = frozenset(path for table in lake.values() for path in table.files)
        return Known(self.folder, files, None if self.touched is None else self.touched | set(rebuilt))


def known_before(folder: Path, warehouse: Path) -> Known:
    """What is known before a refresh opens the warehouse; the caller holds its lock."""
    try:
        said = json.loads((folder / NOTE).read_text())
        if said["of"] == _made(folder, warehouse):
            touched = None if said["touched"] is None else frozenset(map(date.fromisoformat, said["touched"]))
            return Known(folder, frozenset(said["files"]), touched)
    except (OSError, ValueError, KeyError):
        pass
    return Known(folder)


def note_known(known: Known, warehouse: Path) -> None:
    """Write down what is known of the warehouse, which a refresh has closed; the caller holds its lock."""
    known.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    said = {
        "of": _made(known.folder, warehouse),
        "files": sorted(known.files),
        "touched": None if known.touched is None else sorted(map(str, known.touched)),
    }
    beside = known.folder / f"{NOTE}.new"
    beside.write_text(json.dumps(said))
    beside.replace(known.folder / NOTE)


def _made(folder: Path, warehouse: Path) -> list[object]:
    """What tells apart programs, and files of the warehouse, of the log that one who dies leaves, and of digests."""
    log = warehouse.with_name(f"{warehouse.name}.wal")
    files = [path.stat() for path in (warehouse, log, folder / DIGESTS) if path.exists()]
    marks = [[found.st_ino, found.st_size, found.st_mtime_ns] for found in files]
    program = sha256(repr((sql("schema.sql"), OF_REBUILDS)).encode()).hexdigest()
    return [*marks, program, version("odograph"), duckdb.__version__]
