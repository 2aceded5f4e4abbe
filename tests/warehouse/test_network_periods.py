"""A network copy that takes what did not change from the last one is the one that is made from nothing."""

import json
from datetime import date

import duckdb
import pytest

from flows.bench.publishing import fill
from tests.warehouse.core_rows import insert
from warehouse.connection import ensure_schema, open_database
from warehouse.models import prepare_models
from warehouse.network_copy import publish_network
from warehouse.network_periods import NOTE, Changes, changes_since, inputs_of, summed_ahead
from warehouse.versions import NETWORK_LINK

DAY = "date '2026-01-17'"
CHANGES = (
    f"update marts.vehicle_days set drive_s = drive_s + 10 where service_date = {DAY} and vehicle_id = 'V00001'",
    "update marts.route_days set distance_m = 5 where service_date = date '2026-02-01'",
    f"delete from marts.vehicle_days where service_date = {DAY} + 2 and tenant_id = 'tenant-1'",
    *(f"delete from marts.{name} where service_date = {DAY} + 3" for name in ("vehicle_days", "route_days")),
)


class Network:
    """A copy for all, of two vans and some weeks, and its network copy beside it."""

    def __init__(self, folder):
        self.folder, self.generation = folder, 0
        self.full = folder / "odograph-20260301T000000000000.duckdb"
        with open_database(self.full) as copy:
            ensure_schema(copy)
            prepare_models(copy)
            insert(copy, "core.tenants", tenant_id="tenant-1", week_start="monday")
            insert(copy, "core.generation", generation_id="1", code_version="test")
            fill(copy, 2, 45, 2, ("marts.vehicle_days", "marts.route_days", "marts.status_days"))
        publish_network(self.full, folder)

    def made(self, changes=(), *, afresh=False, ahead=None):
        with open_database(self.full) as copy:
            for change in changes:
                copy.execute(change)
        self.generation += 1
        self.full = self.full.rename(self.folder / f"odograph-20260301T{self.generation:012}.duckdb")
        return publish_network(self.full, self.folder, afresh=afresh, ahead=ahead)

    def summed(self, changes=()):
        """What is summed ahead in a warehouse, in which these changes were made."""
        with open_database(self.full) as warehouse:
            for change in changes:
                warehouse.execute(change)
            with summed_ahead(warehouse, self.folder) as summed:
                return summed.result()

    def changes(self):
        with open_database() as connection:
            connection.execute(f"attach '{self.full}' as everyone (read_only)")
            return changes_since((self.folder / NETWORK_LINK).resolve(), self.folder / NOTE, inputs_of(connection))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:  # words take most of the time, and are looked at elsewhere
        patch.setattr("warehouse.network_copy.add_comments", lambda _copy: None)
        yield Network(tmp_path_factory.mktemp("network"))


def rows(path):
    """Every row of every table, but of which generation it is."""
    with duckdb.connect(str(path), read_only=True) as copy:
        names = copy.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        return {name: sorted(map(str, copy.execute(f"from marts.{name}").fetchall())) for (name,) in names}


def test_taking_over_what_stays_is_making_it_from_nothing(network):
    before = rows((network.folder / NETWORK_LINK).resolve())
    brought_forward = rows(network.made(CHANGES))
    assert brought_forward != before
    assert brought_forward == rows(network.made(afresh=True))


LATER = (f"update marts.vehicle_days set drive_s = drive_s + 7 where service_date = {DAY} + 5",)
AGAIN = (f"update marts.vehicle_days set drive_s = drive_s + 9 where service_date = {DAY} + 5",)
MUCH_LATER = (f"update marts.vehicle_days set drive_s = drive_s + 7 where service_date = {DAY} + 6",)


def test_sums_made_ahead_are_taken_over_and_are_those_made_later(network, monkeypatch):
    before = rows((network.folder / NETWORK_LINK).resolve())
    ahead = network.summed(LATER)
    assert ahead.changed == (date(2026, 1, 22),)
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.network_copy.summed_again", None)  # nobody sums them again
        brought_forward = rows(network.made(ahead=ahead))
    assert brought_forward != before
    assert brought_forward == rows(network.made(afresh=True))


@pytest.mark.parametrize("meanwhile", [MUCH_LATER, AGAIN])
def test_sums_of_other_rows_than_there_are_in_the_end_are_not_taken_over(network, meanwhile):
    ahead = network.summed(LATER)
    assert rows(network.made(meanwhile, ahead=ahead)) == rows(network.made(afresh=True))


def test_what_goes_wrong_ahead_is_told_and_leaves_nothing_attached(network, monkeypatch):
    monkeypatch.setattr(Changes, "periods", lambda _: [("days", "nowhere = 1")])
    with open_database(network.full) as warehouse:
        warehouse.execute(LATER[0])
        for _ in range(2):
            with summed_ahead(warehouse, network.folder) as summed:
                assert "nowhere" in str(summed.exception())
            assert warehouse.execute("select count(*) from duckdb_databases() where not internal").fetchall() == [(1,)]
    monkeypatch.undo()
    network.made()


def test_nothing_is_summed_ahead_that_did_not_change_or_is_much(network, monkeypatch):
    assert network.summed() is None
    monkeypatch.setattr("warehouse.network_periods.MOST_ROWS", 10)
    assert network.summed(LATER) is None
    network.made()
    (network.folder / NOTE).rename(network.folder / "aside")
    assert network.summed(LATER) is None
    (network.folder / "aside").rename(network.folder / NOTE)
    network.made()


def test_only_dates_that_changed_are_summed_again(network):
    assert network.changes() == Changes((network.folder / NETWORK_LINK).resolve(), ())
    note = network.folder / NOTE
    said = json.loads(note.read_text())
    said["dates"]["2026-01-03"] = "other"
    note.write_text(json.dumps(said))
    changes = network.changes()
    assert changes is not None
    assert changes.dates == (date(2026, 1, 3),)
    assert changes.spans() == {
        "days": (date(2026, 1, 3), date(2026, 1, 3)),
        "weeks": (date(2025, 12, 28), date(2026, 1, 9)),
        "months": (date(2026, 1, 1), date(2026, 1, 31)),
    }


@pytest.mark.parametrize("change", [{"others": "other tables"}, {"of": "another.duckdb"}, {"dates": {}}])
def test_it_is_made_from_nothing_where_the_note_is_of_something_else(network, change):
    note = network.folder / NOTE
    said = note.read_text()
    note.write_text(json.dumps(json.loads(said) | change))
    assert network.changes() is None
    note.write_text("torn")
    assert network.changes() is None
    note.write_text(said)
