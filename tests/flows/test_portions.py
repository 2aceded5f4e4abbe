"""What is done for some vans or tenants at a time, so that memory has a bound, comes out as if it were done at once."""

import shutil

import pytest

from flows.settings import Settings
from tests.builders import collected, golden_points, in_warehouse, positions, rebuilt, settings_in, yesterday_at
from warehouse.checks import CheckFailed, parsed
from warehouse.loads import record_load
from warehouse.models import DATED_MARTS

TENANTS = ("acme", "birch", "cedar")
REVISIONS = "select * exclude (revised_utc, segments) from core.revisions order by tenant_id, vehicle_id"
NO_BIRCH = parsed(
    "nothing_of_birch",
    "-- No birch.\n-- severity: error\n\n"
    "select tenant_id, service_date, vehicle_id from core.ledger where service_date = $day and tenant_id = 'birch'",
)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A spool with a day of three vans of each of three tenants."""
    found = settings_in(tmp_path / "one")
    points = golden_points(yesterday_at(15))
    collected(
        found, [positions(points[van:], device=f"d{van}", tenant=tenant) for tenant in TENANTS for van in range(3)]
    )
    return found


@pytest.fixture
def other(settings, tmp_path) -> Settings:
    """The same messages, of which nothing is loaded."""
    found = settings_in(tmp_path / "other")
    shutil.copytree(settings.spool_dir, found.spool_dir)
    return found


@pytest.fixture
def tenant_by_tenant(monkeypatch):
    monkeypatch.setattr("warehouse.loads.VANS_TOGETHER", 2)


def tables(settings: Settings) -> dict[str, list[dict[str, object]]]:
    marts = {name: in_warehouse(settings, f"from marts.{name} order by all").to_dicts() for name in DATED_MARTS}
    return marts | {"revisions": in_warehouse(settings, REVISIONS).to_dicts()}


def tenants_in(settings: Settings, table: str) -> list[str]:
    return in_warehouse(settings, f"select distinct tenant_id from {table} order by 1")["tenant_id"].to_list()


def test_a_date_rebuilt_in_portions_is_that_rebuilt_at_once(settings, other, monkeypatch):
    rebuilt(settings)
    at_once = tables(settings)
    assert in_warehouse(settings, "select distinct load_id from core.loads").height == 1
    monkeypatch.setattr("warehouse.revisions.VANS_TOGETHER", 2)
    monkeypatch.setattr("warehouse.loads.VANS_TOGETHER", 7)
    rebuilt(other)
    in_portions = tables(other)
    assert in_warehouse(other, "select distinct load_id from core.loads").height == 2  # two tenants, then the third
    for name, rows in at_once.items():
        assert in_portions[name] == rows, name
    assert [len(at_once[name]) for name in ("revisions", "vehicle_days", "fleet_days")] == [9, 9, 3]


def test_a_portion_that_fails_keeps_those_before_it_and_the_next_refresh_makes_the_rest(
    settings, other, tenant_by_tenant, monkeypatch
):
    def recorded(connection, day, tenants, *given):
        record_load(connection, day, tenants, *given)
        if "birch" in tenants:
            raise OSError("no space left")

    monkeypatch.setattr("flows.refresh.record_load", recorded)
    with pytest.raises(OSError, match="no space left"):
        rebuilt(settings)
    assert [tenants_in(settings, table) for table in ("core.ledger", "core.revisions", "marts.stops")] == [["acme"]] * 3
    assert tenants_in(settings, "core.reopened") == ["birch", "cedar"]

    monkeypatch.undo()
    rebuilt(settings)
    assert tenants_in(settings, "core.reopened") == []
    rebuilt(other)
    assert tables(settings) == tables(other)


def test_a_check_that_fails_in_a_portion_holds_back_its_tenant_and_stops_no_other(
    settings, tenant_by_tenant, monkeypatch
):
    monkeypatch.setattr("warehouse.checks.listed_checks", lambda folder="checks": (NO_BIRCH,))
    for _try in range(2):
        with pytest.raises(CheckFailed) as raised:
            rebuilt(settings, full=True)
        assert (raised.value.others_rebuilt, list(raised.value.failures)) == (True, ["birch"])
        assert tenants_in(settings, "marts.vehicle_days") == ["acme", "cedar"]
        assert [tenants_in(settings, table) for table in ("core.held_back", "core.reopened")] == [["birch"]] * 2

    with pytest.raises(CheckFailed) as raised:
        rebuilt(settings)
    assert not raised.value.others_rebuilt

    monkeypatch.undo()
    rebuilt(settings)
    assert tenants_in(settings, "marts.vehicle_days") == [*TENANTS]
    assert tenants_in(settings, "core.held_back") == []
