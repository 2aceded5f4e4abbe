"""Which segments of the spools are not yet in the lake?

Asked of the logs of its tables, and of those only the newest lines: a commit of rows says up to which segment they go.
No row is read, so nothing that can read them is imported; who asks how the line is doing waits for the answer.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.listing import Segment, sealed_segments, spool_folders
from ingest.settings import IngestSettings

TABLES = ("positions", "events", "purchases", "plans", "rejects")  # of the lake
NEWEST = 20  # commits that are looked through: some are made by upkeep, some bring rows of other spools
Reached = Callable[[str], int | None]  # the last segment of a spool that a table has


def waiting_segments(settings: IngestSettings) -> dict[Path, list[Segment]]:
    """The sealed segments of each spool folder that are not yet in every table of the lake, oldest first."""
    tables = _tables(settings)
    return {folder: waiting(sealed_segments(folder), tables) for folder in spool_folders(settings.spool_dir)}


def segments_reached(settings: IngestSettings) -> Callable[[str], int]:
    """Tells of a spool the highest number that is in every table of the lake now."""
    return in_all(_tables(settings))


def in_all(tables: Sequence[Reached]) -> Callable[[str], int]:
    """Tells of a spool the highest number that all of these tables have; 0 where one has none of it."""
    return lambda spool_id: min(table(spool_id) or 0 for table in tables)


def waiting(segments: list[Segment], tables: Sequence[Reached]) -> list[Segment]:
    """Those of a spool's segments that not all of these tables have."""
    if not segments:
        return []
    reached = in_all(tables)(segments[0].spool_id)
    return [segment for segment in segments if segment.number > reached]


def _tables(settings: IngestSettings) -> list[Reached]:
    return [_reached_in(f"{settings.lake_root}/{name}") for name in TABLES]


def _reached_in(where: str) -> Reached:
    """Ask a table: the newest commits of its log, and where they do not tell the whole of it."""

    def reached(spool_id: str) -> int | None:
        told = None if "://" in where else _told_lately(Path(where) / "_delta_log", spool_id)
        return _told(where, spool_id) if told is None else told

    return reached


def _told_lately(log: Path, spool_id: str) -> int | None:
    """What the newest of the last commits that names a spool says of it; None where none does."""
    for commit in sorted(log.glob("*.json"), reverse=True)[:NEWEST]:
        for line in commit.read_text().splitlines():
            if line.startswith('{"txn"') and (said := json.loads(line)["txn"])["appId"] == spool_id:
                return int(said["version"])
    return None


def _told(where: str, spool_id: str) -> int | None:
    from deltalake import DeltaTable  # rarely needed, and takes longer to import than all else here
    from deltalake.exceptions import TableNotFoundError

    from ingest.stores import delta_options

    try:
        return DeltaTable(where, storage_options=delta_options(where)).transaction_version(spool_id)
    except TableNotFoundError:
        return None
