"""Is a backup good? It is restored aside, refreshed, and measured anew from its own lake: all must come out equal.

Digests say that files are as they were copied; this says that they belong together and the line goes on from them.
The data directory, and a lake or spool in a store, are not touched.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flows.backup.manifest import Manifest, Progress, chosen, read_manifest
from flows.backup.restoring import restore_backup
from flows.refresh import refresh
from flows.settings import Settings
from warehouse.connection import open_database
from warehouse.models import DATED_MARTS

COMPARED = ("core.ledger", "core.stops", *(f"marts.{name}" for name in DATED_MARTS))
# How often and with what at hand a date was measured may differ, what was measured may not.
OF_MAKING = ("revision", "load_id")
Shown = tuple[int, int]  # rows of a table, and a hash of them in any order


class NotEqual(Exception):
    """Tables of a restored line are not what its lake gives."""

    def __init__(self, backup: Path, names: list[str]) -> None:
        super().__init__(f"{backup} is not good: measured anew from its lake, {', '.join(names)} came out otherwise")


class LakeElsewhere(Exception):
    """The backup is without its lake."""

    def __init__(self, backup: Path, url: str) -> None:
        super().__init__(
            f"{backup} is without its lake, which lies at {url}: restore that aside by its store's own means, then"
            " `odograph restore` and `odograph refresh --full` with ODOGRAPH_LAKE_URL naming the copy"
        )


class Drilled(NamedTuple):
    """A good backup: how many messages came from its spool that no table had yet, and how many rows were compared."""

    backup: Path
    manifest: Manifest
    message_count: int
    table_count: int
    row_count: int


def drill(settings: Settings, folder: Path, scratch: Path | None = None, progress: Progress | None = None) -> Drilled:
    """Restore a backup, or the newest in a folder, below `scratch` (or the usual place), prove it, and remove it again.

    Raises NoBackup, BackupDamaged, LakeElsewhere and NotEqual.
    """
    backup = chosen(folder)
    manifest = read_manifest(backup)
    if manifest.lake_url is not None:
        raise LakeElsewhere(backup, manifest.lake_url)
    with TemporaryDirectory(prefix="odograph-drill-", dir=scratch) as aside:
        alone = {"lake_url": None, "spool_url": None, "tenant_copies": "none", "network_copy": False}
        restored = settings.model_copy(update={"data_dir": Path(aside), **alone})
        restore_backup(restored, backup, progress)
        loaded = refresh(restored, progress=progress).loaded
        before = _tables(restored.warehouse_path)
        refresh(restored, full=True, progress=progress)
        after = _tables(restored.warehouse_path)
    if wrong := [name for name in COMPARED if before[name] != after[name]]:
        raise NotEqual(backup, wrong)
    return Drilled(backup, manifest, loaded.messages, len(COMPARED), sum(rows for rows, _ in after.values()))


def _tables(path: Path) -> dict[str, Shown]:
    shown = f"columns(lambda name: name not in {OF_MAKING})"
    with open_database(path, read_only=True) as connection:
        return {
            name: connection.execute(
                f"select count(*), coalesce(sum(hash(rows)), 0) from (select {shown} from {name}) as rows"
            ).fetchall()[0]
            for name in COMPARED
        }
