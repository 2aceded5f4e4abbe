"""How does a copy of everything come about while the line runs?

    warehouse, lake log    under the writer's lock: they are of one moment
    files of the lake      after it: they never change, and a file that is replaced stays for a day
    spool                  last: what the lake has is in it, or was; the segment being written as far as it is

Published copies are left out, for a refresh makes them. A file that is as it was in the backup before is not copied but
linked to it, so each backup is complete and costs what is new.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from flows.backup.last import LAST_BACKUP, note_backup
from flows.backup.manifest import (
    DATA,
    STAMP,
    BackupDamaged,
    Kept,
    Manifest,
    Progress,
    digest_of,
    finished,
    read_manifest,
    write_manifest,
)
from flows.settings import Settings
from ingest.durable import FILE_MODE, PART_SUFFIX, sync_path
from ingest.lake import lake_files
from ingest.listing import OPEN_SUFFIX
from warehouse.connection import open_database, writer_lock

FOLDER_MODE = 0o700
WAIT_S = 60.0
# Made anew by a refresh, or of no use to anybody but a process that runs.
LEFT_OUT = frozenset({"published", "lake", "spool", "broker", "metrics", LAST_BACKUP})
LEFT_OUT_SUFFIXES = frozenset({".lock", ".next", ".wal", ".log", PART_SUFFIX})
SPOOL_LEFT_OUT = frozenset({"lock", "health"})


class BackupMisplaced(Exception):
    """The backup would be in what it is of, or the other way round."""


class Taken(NamedTuple):
    """A backup: where, how many files of how many bytes, and how much of that was new since the one before."""

    folder: Path
    file_count: int
    byte_count: int
    new_file_count: int
    new_byte_count: int
    removed: list[Path]
    lake_url: str | None


class _Snapshot:
    """A backup that is being made, beside the one before it."""

    def __init__(self, root: Path, data_dir: Path) -> None:
        self.folder = root / f".{datetime.now(UTC).strftime(STAMP)}{PART_SUFFIX}"
        self.files: dict[str, Kept] = {}
        self.new: list[Kept] = []
        self._data_dir = data_dir
        before = finished(root)
        self._before = before[-1] if before else None
        self._known = read_manifest(before[-1]).files if before else {}

    def take(self, path: Path) -> None:
        """Copy a file of the data directory, or link it where the backup before has it; raise FileNotFoundError."""
        name = path.relative_to(self._data_dir).as_posix()
        into = self.folder / DATA / name
        into.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        about = path.stat()
        known = self._known.get(name)
        if known is not None and (known.size, known.mtime_ns) == (about.st_size, about.st_mtime_ns):
            assert self._before is not None
            if _linked(self._before / DATA / name, into):
                self.files[name] = known
                return
        try:
            digest = digest_of(path, into)
        except FileNotFoundError:
            into.unlink(missing_ok=True)
            raise
        _flush(into)
        # Of a file that grew meanwhile we have what the copy has.
        self.files[name] = Kept(into.stat().st_size, about.st_mtime_ns, digest)
        self.new.append(self.files[name])


def take_backup(settings: Settings, root: Path, *, keep: int, progress: Progress | None = None) -> Taken:
    """Make a backup in a folder of its own under `root`, and remove all but the `keep` newest.

    Raises BackupMisplaced, WarehouseBusy, NoBackup (for one before it that cannot be read) and BackupDamaged where an
    erasure took files away meanwhile.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    data_dir, root = settings.data_dir.resolve(), root.resolve()
    if root.is_relative_to(data_dir) or data_dir.is_relative_to(root):
        raise BackupMisplaced(f"{root} and the data directory {data_dir} must not lie in each other")
    root.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    for leftover in root.glob(f".*{PART_SUFFIX}"):
        shutil.rmtree(leftover)
    snapshot = _Snapshot(root, data_dir)
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        _checkpoint(settings.warehouse_path)
        for path in _others(data_dir):
            snapshot.take(path)
        lake = [] if settings.lake_url else _lake_files(settings)
        for path in sorted((data_dir / "lake").glob("*/_delta_log/**/*")) if lake else []:
            if path.is_file():
                snapshot.take(path)
    for done, path in enumerate(lake):
        tell("lake", done, len(lake))
        try:
            snapshot.take(path)
        except FileNotFoundError as error:
            shutil.rmtree(snapshot.folder)
            raise BackupDamaged(root, [f"{path} was erased while it was copied: back up once more"]) from error
    tell("lake", len(lake), len(lake))
    _take_spool(snapshot, data_dir / "spool")
    return _finish(settings, snapshot, root, keep)


def _finish(settings: Settings, snapshot: _Snapshot, root: Path, keep: int) -> Taken:
    made = datetime.now(UTC)
    manifest = Manifest(made.isoformat(timespec="seconds"), version("odograph"), settings.lake_url, snapshot.files)
    write_manifest(snapshot.folder, manifest)
    final = root / snapshot.folder.name.removeprefix(".").removesuffix(PART_SUFFIX)
    snapshot.folder.rename(final)
    sync_path(root)
    note_backup(settings.data_dir, made, final)
    removed = finished(root)[:-keep]
    for old in removed:
        shutil.rmtree(old)
    sizes = [kept.size for kept in snapshot.files.values()]
    new = [kept.size for kept in snapshot.new]
    return Taken(final, len(sizes), sum(sizes), len(new), sum(new), removed, settings.lake_url)


def _checkpoint(path: Path) -> None:
    """Have all of the warehouse in its file."""
    if path.exists():
        with open_database(path) as warehouse:
            warehouse.execute("checkpoint")


def _others(data_dir: Path) -> Iterator[Path]:
    """All that is neither lake nor spool nor made anew."""
    for top in sorted(data_dir.iterdir()):
        if top.name in LEFT_OUT or top.name.startswith("."):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not path.is_symlink() and path.suffix not in LEFT_OUT_SUFFIXES:
                yield path


def _lake_files(settings: Settings) -> list[Path]:
    return sorted(
        Path(unquote(urlsplit(uri).path) if "://" in uri else uri)
        for table in lake_files(settings).values()
        for uri in table.files
    )


def _take_spool(snapshot: _Snapshot, spool_dir: Path) -> None:
    """Take sealed segments and the open one; an open one that is sealed meanwhile is taken sealed."""
    for folder in sorted(path for path in spool_dir.glob("*") if path.is_dir()):
        taken: set[str] = set()
        is_settled = False
        while not is_settled:
            is_settled = True
            for path in sorted(folder.iterdir()):
                if path.name in taken | SPOOL_LEFT_OUT or path.suffix == PART_SUFFIX:
                    continue
                try:
                    snapshot.take(path)
                    taken.add(path.name)
                except FileNotFoundError:  # sealed, or expired
                    is_settled = is_settled and path.suffix != OPEN_SUFFIX


def _linked(known: Path, into: Path) -> bool:
    try:
        into.hardlink_to(known)
    except OSError:  # a disk that cannot, or a file that somebody took away
        return False
    return True


def _flush(path: Path) -> None:
    path.chmod(FILE_MODE)
    sync_path(path)
