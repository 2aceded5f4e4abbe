"""An early copy with its log is the warehouse as it is now, or it is not used."""

import os
import shutil
import time

import duckdb
import pytest

from tests.warehouse.core_rows import DAY, NO_LAKE, insert
from warehouse.connection import open_database, open_warehouse
from warehouse.early import EARLY, TICK_S, checkpointed_beside, copied_early, log_of
from warehouse.models import prepare_models
from warehouse.publish import LINK, publish

FEW, MANY = 5_000, 300_000
ASKED = "select count(*), count(distinct vehicle_id), sum(hash(part)) from core.vehicles as part"


@pytest.fixture
def warehouse(tmp_path):
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        prepare_models(connection)
        add_vans(connection, "before", MANY)
        connection.execute("checkpoint")
        yield connection


def add_vans(connection, named, count):
    connection.execute(
        "insert into core.vehicles (tenant_id, vehicle_id)"
        f" select 'acme', '{named}' || number from range({count}) as numbers(number)"
    )


def asked(connection):
    return connection.execute(ASKED).fetchall()


def opened(early, folder):
    """What is in the copy, or None."""
    copy = early.opened(folder / "next.building")
    if copy is None:
        return None
    with copy:
        return asked(copy)


def test_what_was_written_since_is_in_the_copy(warehouse, tmp_path):
    with copied_early(warehouse, tmp_path / "published") as early:
        add_vans(warehouse, "since", FEW)
        warehouse.execute("delete from core.vehicles where vehicle_id in ('before7', 'since7')")
        found = opened(early, tmp_path / "published")
    assert found == asked(warehouse)
    assert found[0][0] == MANY + FEW - 2
    assert [path.name for path in (tmp_path / "published").iterdir()] == ["next.building"]


@pytest.mark.parametrize("named", ["a checkpoint", "many rows"])
def test_a_copy_of_a_file_that_was_written_since_is_not_used(warehouse, tmp_path, named):
    with copied_early(warehouse, tmp_path / "published") as early:
        early._mark.result()
        add_vans(warehouse, "since", FEW if named == "a checkpoint" else MANY)
        if named == "a checkpoint":
            warehouse.execute("checkpoint")
        assert opened(early, tmp_path / "published") is None
        assert [*(tmp_path / "published").iterdir()] == []
    assert [*(tmp_path / "published").iterdir()] == []


def test_a_file_that_was_just_written_is_not_marked_before_its_clock_ticked(warehouse, tmp_path):
    path = tmp_path / "warehouse.duckdb"
    add_vans(warehouse, "since", FEW)
    warehouse.execute("checkpoint")
    with copied_early(warehouse, tmp_path / "published") as early:
        _, written_ns = early._mark.result()
        assert time.time_ns() - written_ns >= TICK_S * 1e9
        assert written_ns == path.stat().st_mtime_ns


def test_a_file_from_the_future_is_copied_all_the_same(warehouse, tmp_path):
    later_s = time.time() + 3_600  # the clock was set back
    os.utime(tmp_path / "warehouse.duckdb", (later_s, later_s))
    with copied_early(warehouse, tmp_path / "published") as early:
        add_vans(warehouse, "since", FEW)
        assert opened(early, tmp_path / "published") == asked(warehouse)


def test_a_log_of_another_file_makes_no_copy(warehouse, tmp_path, monkeypatch):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("create table numbers as from range(9); checkpoint; insert into numbers values (10)")
        shutil.copyfile(log_of(tmp_path / "other.duckdb"), tmp_path / "log")
    copyfile = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", lambda _, target: copyfile(tmp_path / "log", target))
    with copied_early(warehouse, tmp_path / "published") as early:
        add_vans(warehouse, "since", FEW)
        assert opened(early, tmp_path / "published") is None
        assert [*(tmp_path / "published").iterdir()] == []


def test_copying_that_a_dead_run_left_going_spoils_no_copy(warehouse, tmp_path):
    (tmp_path / "published").mkdir()
    with (tmp_path / "published" / EARLY).open("wb") as left, copied_early(warehouse, tmp_path / "published") as early:
        early._mark.result()
        left.write(bytes(1 << 20))
        left.flush()
        assert opened(early, tmp_path / "published") == asked(warehouse)


def test_what_cannot_be_copied_early_is_copied_later(warehouse, tmp_path, monkeypatch):
    def fails(*_given, **_named):
        raise OSError("no space left")

    with monkeypatch.context() as full:
        full.setattr("warehouse.early.copy_file", fails)
        with copied_early(warehouse, tmp_path / "published") as early:
            assert opened(early, tmp_path / "published") is None


def test_nothing_in_memory_is_copied(tmp_path):
    with open_database() as connection, copied_early(connection, tmp_path / "published") as early:
        assert early is None


def test_a_published_copy_is_the_same_with_and_without(warehouse, tmp_path):
    insert(warehouse, "core.vehicles", tenant_id="birch", vehicle_id="v")
    found = {}
    for name in ("early", "late"):
        folder = tmp_path / name
        with copied_early(warehouse, folder) as early:
            insert(warehouse, "marts.vehicle_days", tenant_id=name, service_date=DAY, vehicle_id="v")
            publish(warehouse, folder, NO_LAKE, "UTC", "test", early=early if name == "early" else None)
        with open_database(folder / LINK, read_only=True) as copy:
            found[name] = asked(copy), copy.execute("select tenant_id from marts.vehicle_days").fetchall()
        assert sorted(path.name for path in folder.iterdir())[1:] == [LINK]
    assert found["late"] == (asked(warehouse), [("early",), ("late",)])
    assert found["early"] == (asked(warehouse), [("early",)])


def test_an_early_copy_of_a_run_that_died_goes_with_the_next_copy(warehouse, tmp_path):
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / EARLY).write_text("what was deleted since")
    publish(warehouse, tmp_path / "published", NO_LAKE, "UTC", "test", afresh=True)
    assert not (tmp_path / "published" / EARLY).exists()


def test_a_checkpoint_beside_leaves_no_log(warehouse, tmp_path, caplog):
    add_vans(warehouse, "since", FEW)
    assert log_of(tmp_path / "warehouse.duckdb").exists()
    with checkpointed_beside(warehouse):
        pass
    assert not log_of(tmp_path / "warehouse.duckdb").exists()


def test_a_checkpoint_that_fails_is_left_to_who_closes_the_warehouse(caplog):
    class Busy:
        def cursor(self):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def execute(self, _statement):
            raise duckdb.TransactionException("others write")

    with checkpointed_beside(Busy()):
        pass
    assert "until the warehouse is closed: others write" in caplog.text


class Full:
    """A copy on a disk that is full by the time of its checkpoint."""

    def __init__(self, copy):
        self.copy = copy

    def __getattr__(self, name):
        return getattr(self.copy, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.copy.close()

    def execute(self, statement, *given):
        if statement == "checkpoint":
            raise duckdb.IOException("no space left on device")
        return self.copy.execute(statement, *given)


def test_a_copy_whose_log_does_not_get_into_its_file_is_not_published(warehouse, tmp_path):
    with copied_early(warehouse, tmp_path / "published") as early:
        opened_copy = early.opened
        early.opened = lambda building: Full(opened_copy(building))
        with pytest.raises(duckdb.IOException, match="no space"):
            publish(warehouse, tmp_path / "published", NO_LAKE, "UTC", "test", early=early)
    assert not (tmp_path / "published" / LINK).exists()
