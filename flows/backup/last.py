"""When was the last backup made, and where? A note in the data directory, which is in no backup itself."""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ingest.durable import replace_file

LAST_BACKUP = "backup.json"


class LastBackup(NamedTuple):
    """What the note says."""

    made_utc: datetime
    folder: str


def note_backup(data_dir: Path, made_utc: datetime, folder: Path) -> None:
    """Note that a backup is whole."""
    said = {"made_utc": made_utc.isoformat(timespec="seconds"), "folder": str(folder)}
    replace_file(data_dir / LAST_BACKUP, f"{json.dumps(said)}\n".encode())


def last_backup(data_dir: Path) -> LastBackup | None:
    """Return what was noted last; None where no backup was made here."""
    try:
        said = json.loads((data_dir / LAST_BACKUP).read_text())
    except FileNotFoundError:
        return None
    return LastBackup(datetime.fromisoformat(said["made_utc"]), said.get("folder", "a folder that was not noted"))
