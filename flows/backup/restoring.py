"""How does a backup become a data directory again?

Everything is compared with the manifest on its way into a folder inside the data directory, and moved to its place when
all of it is there. A restore that died before that is begun anew, one that died while moving is finished.

What is in `privacy/` never gets older: an erasure that came after the backup must be done again, and its register is
the only place that knows of it. So a `privacy/` that is there stays, if the backup's is an earlier state of it.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from flows.backup.manifest import DATA, BackupDamaged, Kept, Manifest, Progress, chosen, digest_of, read_manifest
from flows.settings import Settings
from ingest.durable import FILE_MODE, replace_file, sync_path
from ingest.register import read_register, register_path

FOLDER_MODE = 0o700
PRIVACY = "privacy"
INCOMING = ".restoring"
WHOLE = ".whole"  # in it: all that is moved from now on is there


class DataThere(Exception):
    """The data directory holds something already."""

    def __init__(self, data_dir: Path, names: list[str]) -> None:
        super().__init__(
            f"{data_dir} is not empty ({', '.join(names[:5])}): move it away, or set ODOGRAPH_DATA_DIR to another"
            f" folder; only {PRIVACY}/ may stay"
        )


class OtherRegister(Exception):
    """The register of the data directory does not follow from that of the backup."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"{data_dir / PRIVACY} belongs to another data directory, or is older than the backup's: move it away to"
            " take the backup's instead"
        )


class Restored(NamedTuple):
    """What was put back; `kept_privacy` where the one in the data directory stayed."""

    folder: Path
    manifest: Manifest
    byte_count: int
    kept_privacy: bool


def verify_backup(folder: Path, progress: Progress | None = None) -> tuple[Path, Manifest]:
    """Read every file of a backup and compare it with the manifest; raise NoBackup or BackupDamaged naming them."""
    backup = chosen(folder)
    manifest = read_manifest(backup)
    wrong = []
    for done, (name, kept) in enumerate(sorted(manifest.files.items())):
        if progress is not None:
            progress("verify", done, len(manifest.files))
        try:
            if digest_of(backup / DATA / name) != kept.sha256:
                wrong.append(f"{name} is not what it was")
        except OSError:
            wrong.append(f"{name} is missing")
    if progress is not None:
        progress("verify", len(manifest.files), len(manifest.files))
    if wrong:
        raise BackupDamaged(backup, wrong)
    return backup, manifest


def restore_backup(settings: Settings, folder: Path, progress: Progress | None = None) -> Restored:
    """Put a backup, or the newest in a folder, into the data directory, which must be empty but for `privacy/`.

    Raises NoBackup, DataThere, OtherRegister and BackupDamaged; then the data directory is as it was.
    """
    data_dir = settings.data_dir.resolve()
    backup = chosen(folder)
    manifest = read_manifest(backup)
    data_dir.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    incoming = data_dir / INCOMING
    if not (incoming / WHOLE).exists():
        there = sorted(path.name for path in data_dir.iterdir() if path.name not in (PRIVACY, INCOMING))
        if there:
            raise DataThere(data_dir, there)
        _fill(backup, manifest, data_dir, progress)
    kept_privacy = _move_in(incoming, data_dir)
    return Restored(backup, manifest, sum(kept.size for kept in manifest.files.values()), kept_privacy)


def _fill(backup: Path, manifest: Manifest, data_dir: Path, progress: Progress | None) -> None:
    """Copy and compare; leave nothing where that fails."""
    incoming = data_dir / INCOMING
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        for done, (name, kept) in enumerate(sorted(manifest.files.items())):
            if progress is not None:
                progress("restore", done, len(manifest.files))
            _put(backup, name, kept, incoming)
        _check_register(incoming, data_dir)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise
    if progress is not None:
        progress("restore", len(manifest.files), len(manifest.files))
    incoming.mkdir(exist_ok=True, mode=FOLDER_MODE)
    replace_file(incoming / WHOLE, b"")


def _put(backup: Path, name: str, kept: Kept, incoming: Path) -> None:
    into = incoming / name
    if not into.resolve().is_relative_to(incoming.resolve()):
        raise BackupDamaged(backup, [f"{name} is no path of a data directory"])
    into.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    try:
        digest = digest_of(backup / DATA / name, into)
    except FileNotFoundError as error:
        raise BackupDamaged(backup, [f"{name} is missing"]) from error
    if digest != kept.sha256:
        raise BackupDamaged(backup, [f"{name} is not what it was"])
    into.chmod(FILE_MODE)
    sync_path(into)


def _check_register(incoming: Path, data_dir: Path) -> None:
    if not (data_dir / PRIVACY).exists():
        return
    before, now = read_register(register_path(incoming)), read_register(register_path(data_dir))
    if [entry.digest for entry in now[: len(before)]] != [entry.digest for entry in before]:
        raise OtherRegister(data_dir)


def _move_in(incoming: Path, data_dir: Path) -> bool:
    """Give every file its place; returns whether a `privacy/` that was there stays."""
    kept_privacy = (data_dir / PRIVACY).exists() and (incoming / PRIVACY).exists()
    if kept_privacy:
        shutil.rmtree(incoming / PRIVACY)
    for path in sorted(incoming.iterdir()):
        if path.name != WHOLE:
            path.rename(data_dir / path.name)
    sync_path(data_dir)
    shutil.rmtree(incoming)
    return kept_privacy
