"""A backup made while the line runs becomes a data directory with equal tables, and never an older register."""

from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from flows.backup import taking
from flows.backup.drill import LakeElsewhere, NotEqual, drill
from flows.backup.manifest import BackupDamaged, NoBackup, read_manifest, write_manifest
from flows.backup.restoring import DataThere, OtherRegister, restore_backup, verify_backup
from flows.backup.taking import BackupMisplaced, take_backup
from flows.cli import app
from flows.refresh import refresh
from ingest.register import append_entry, read_register, register_path
from ingest.spool import Spool
from tests.builders import all_published, collected, golden_points, positions, settings_in, yesterday_at
from warehouse.connection import open_database

START_S = yesterday_at(15)
# What tells loads apart, and what tells where a copy lies, is another in another folder.
OWN_COLUMNS = "columns(lambda name: name not in ('received_utc', 'load_id', 'loaded_utc', 'revision_id', 'noted_utc'))"
TABLES = ("core.ledger", "core.vehicle_dates", "marts.vehicle_days", "marts.stops", "marts.idle_events")
QUERIES = {name: f"select {OWN_COLUMNS} from {name} order by all" for name in (*TABLES, "lake.positions")}


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A refreshed data directory, its spool open with a message that is in no segment yet, and a backup of it."""
    folder = tmp_path_factory.mktemp("line")
    settings = settings_in(folder / "data")
    collected(settings, [positions(golden_points(START_S))])
    refresh(settings)
    append_entry(register_path(settings.data_dir), "export", {"why": "case 1"}, by="somebody")
    with Spool.open(settings.spool_dir / "main") as spool:
        spool.append([positions(golden_points(START_S), device="d2")])
        taken = take_backup(settings, folder / "backups", keep=7)
    return settings, taken


def restored(line, folder: Path):
    settings = settings_in(folder / "restored")
    settings.warehouse_path.unlink()  # the empty one that tests begin with
    restore_backup(settings, line[1].folder)
    return settings


def test_a_restored_line_has_equal_tables_and_what_was_not_sealed(line, tmp_path) -> None:
    settings = restored(line, tmp_path)
    refresh(settings)
    refresh(line[0])  # which now has the message that was still open, as the backup does
    expected, found = all_published(line[0], QUERIES), all_published(settings, QUERIES)
    assert expected["marts.vehicle_days"]["vehicle_id"].to_list() == ["d1", "d2"]
    for name, table in expected.items():
        assert table.height, name
        differing = [column for column in table.columns if not table[column].equals(found[name][column])]
        assert not differing, (name, differing)
    assert read_register(register_path(settings.data_dir)) == read_register(register_path(line[0].data_dir))


@pytest.mark.campaign
def test_a_drill_proves_a_good_backup_finds_one_that_is_not_and_touches_nothing(line, tmp_path, monkeypatch):
    settings, taken = line
    before = {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")}
    proven = drill(settings, taken.folder.parent, tmp_path)
    assert (proven.backup, proven.message_count) == (taken.folder, 1)
    assert proven.row_count > 20
    with monkeypatch.context() as patched:
        patched.setattr("flows.backup.drill.refresh", lossy)
        with pytest.raises(NotEqual, match=r"core\.ledger, marts\.vehicle_days came out otherwise"):
            drill(settings, taken.folder, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")} == before
    assert list(tmp_path.iterdir()) == []


def lossy(settings, *, full: bool = False, progress=None):
    """A refresh after which a second is missing; a full one does nothing."""
    if full:
        with open_database(settings.warehouse_path) as warehouse:
            warehouse.execute("update core.ledger set duration_us = duration_us - 1000000")
            warehouse.execute("update marts.vehicle_days set idle_s = idle_s - 1")
        return None
    return refresh(settings)


def test_a_backup_without_its_lake_is_not_drilled(line, tmp_path):
    folder = tmp_path / "20260101T000000Z"
    folder.mkdir()
    write_manifest(folder, read_manifest(line[1].folder)._replace(lake_url="s3://fleet-lake/odograph"))
    with pytest.raises(LakeElsewhere, match="s3://fleet-lake/odograph"):
        drill(line[0], tmp_path)


def test_what_did_not_change_is_linked_and_old_backups_go(line, tmp_path, monkeypatch) -> None:
    settings, _ = line
    times = iter(["20260101T000000Z", "20260102T000000Z", "20260103T000000Z"])

    class Clock(taking.datetime):  # type: ignore[name-defined]
        def strftime(self, _format: str) -> str:
            return next(times)

    monkeypatch.setattr(taking, "datetime", Clock)
    first = take_backup(settings, tmp_path / "backups", keep=2)
    segment = sorted(settings.spool_dir.glob("main/*.parquet"))[0].relative_to(settings.data_dir)
    second = take_backup(settings, tmp_path / "backups", keep=2)
    assert first.new_file_count == first.file_count > 5
    assert second.new_file_count == 0
    assert (first.folder / "data" / segment).stat().st_ino == (second.folder / "data" / segment).stat().st_ino
    third = take_backup(settings, tmp_path / "backups", keep=2)
    assert third.removed == [first.folder]
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [second.folder.name, third.folder.name]
    verify_backup(tmp_path / "backups")


def test_files_are_their_owners_only(line) -> None:
    for name in read_manifest(line[1].folder).files:
        assert (line[1].folder / "data" / name).stat().st_mode & 0o077 == 0, name


def test_a_damaged_backup_is_named_and_changes_nothing(line, tmp_path) -> None:
    backup = tmp_path / "backups" / line[1].folder.name
    copytree(line[1].folder, backup)
    name = next(name for name in read_manifest(backup).files if name.endswith(".parquet"))
    content = bytearray((backup / "data" / name).read_bytes())
    content[20] ^= 1
    (backup / "data" / name).write_bytes(content)
    with pytest.raises(BackupDamaged, match="is not what it was"):
        verify_backup(tmp_path / "backups")
    settings = settings_in(tmp_path / "restored")
    settings.warehouse_path.unlink()
    with pytest.raises(BackupDamaged, match=name.split("/")[-1].replace(".", r"\.")):
        restore_backup(settings, tmp_path / "backups")
    assert list(settings.data_dir.iterdir()) == []
    (backup / "data" / name).unlink()
    with pytest.raises(BackupDamaged, match="is missing"):
        verify_backup(tmp_path / "backups")


def test_a_backup_that_was_cut_short_is_none(line, tmp_path) -> None:
    left = tmp_path / "backups" / ".20260101T000000Z.part"
    (left / "data").mkdir(parents=True)
    with pytest.raises(NoBackup, match="no finished backup"):
        restore_backup(settings_in(tmp_path / "restored"), tmp_path / "backups")
    take_backup(line[0], tmp_path / "backups", keep=1)
    assert not left.exists()


def test_a_data_directory_with_something_in_it_is_refused(line, tmp_path) -> None:
    settings = settings_in(tmp_path / "data")
    with pytest.raises(DataThere, match=r"not empty \(warehouse\.duckdb\)"):
        restore_backup(settings, line[1].folder)


def test_a_later_register_stays_and_another_one_is_refused(line, tmp_path) -> None:
    settings = settings_in(tmp_path / "later")
    settings.warehouse_path.unlink()
    copytree(line[0].data_dir / "privacy", settings.data_dir / "privacy")
    append_entry(register_path(settings.data_dir), "export", {"why": "case 2"}, by="somebody")
    assert restore_backup(settings, line[1].folder).kept_privacy
    assert [entry.facts["why"] for entry in read_register(register_path(settings.data_dir))] == ["case 1", "case 2"]

    other = settings_in(tmp_path / "other")
    other.warehouse_path.unlink()
    append_entry(register_path(other.data_dir), "export", {"why": "another case"}, by="somebody")
    with pytest.raises(OtherRegister):
        restore_backup(other, line[1].folder)
    assert [path.name for path in other.data_dir.iterdir()] == ["privacy"]


def test_a_restore_that_died_while_moving_is_finished(line, tmp_path, monkeypatch) -> None:
    settings = settings_in(tmp_path / "data")
    settings.warehouse_path.unlink()
    rename = Path.rename

    def dies(path: Path, into: Path) -> Path:
        if into.name == "warehouse.duckdb":
            raise KeyboardInterrupt
        return rename(path, into)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dies)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(settings, line[1].folder)
    assert not settings.warehouse_path.exists()
    restore_backup(settings, line[1].folder)
    assert settings.warehouse_path.exists()
    assert not (settings.data_dir / ".restoring").exists()


def test_commands_say_what_was_done_and_what_is_next(line, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    done = CliRunner().invoke(app, ["restore", str(line[1].folder.parent)])
    assert done.exit_code == 0, done.output
    assert "now: odograph refresh" in done.output
    again = CliRunner().invoke(app, ["restore", str(line[1].folder.parent)])
    assert again.exit_code == 1
    assert "is not empty" in again.output
    made = CliRunner().invoke(app, ["backup", str(tmp_path / "backups")])
    assert made.exit_code == 0, made.output
    assert "files" in made.output
    drilled = CliRunner().invoke(app, ["restore", str(tmp_path / "backups"), "--check", "--aside", str(tmp_path)])
    assert drilled.exit_code == 0, drilled.output
    assert "is good" in drilled.output
    checked = CliRunner().invoke(app, ["backup", str(tmp_path / "backups"), "--verify"])
    assert "all as they were" in checked.output
    misplaced = CliRunner().invoke(app, ["backup", str(tmp_path / "data" / "backups")])
    assert misplaced.exit_code == 1
    assert "must not lie in each other" in misplaced.output


def test_a_backup_in_the_data_directory_is_refused(line) -> None:
    with pytest.raises(BackupMisplaced):
        take_backup(line[0], line[0].data_dir, keep=1)
