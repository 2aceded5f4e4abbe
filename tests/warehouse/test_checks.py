"""Every check finds the fault it is there for, in the rows of the tenant it concerns, and nothing in a good day."""

import json
from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from flows.opening import lake_tables
from tests.builders import settings_in
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, VanDay, insert
from warehouse.checks import (
    ERROR,
    OF_PURCHASES,
    CheckFailed,
    check_day,
    check_purchases,
    hold_back,
    listed_checks,
    parsed,
    recheck_ended,
)
from warehouse.connection import open_warehouse
from warehouse.lake import attach_lake
from warehouse.models import build_day, prepare_models

TENANTS = ["dax7", "other"]
VAN = f"service_date = '{DAY}' and vehicle_id = 'V12'"
BEFORE = (
    "select * exclude (ago) replace (service_date - {days} as service_date, {change}) from {table}, range(1, {end})"
)
EARLIER = BEFORE + f" as t (ago) where tenant_id = 'dax7' and service_date = date '{DAY}'"
FAULTS = {
    "about_as_many_positions_as_usual": "insert into core.vehicle_dates by name "
    + EARLIER.format(table="core.vehicle_dates", days="7 * ago::int", change="30 as accepted_count", end=4),
    "about_as_much_coverage_as_usual": "insert into marts.fleet_days by name "
    + EARLIER.format(table="marts.fleet_days", days="ago::int", change="coverage + 0.2 as coverage", end=7),
    "clocks_agree": f"update marts.data_health set median_delay_s = -31 where {VAN}",
    "definitions_agree_with_the_day": "update marts.idle_by_definition set idle_s = idle_s + 1 where definition_id ="
    f" 'every_second' and {VAN}",
    "events_are_idle_time": f"delete from marts.idle_events where {VAN} and duration_s > 300",
    "facts_belong_to_a_vehicle_day": "update marts.stops set vehicle_id = 'V99'",
    "few_points_are_rejected": f"update marts.data_health set rejected_count = 21 where {VAN}",
    "fleet_days_sum_over_vehicle_days": f"update marts.fleet_days set distance_m = distance_m + 1 where"
    f" service_date = '{DAY}'",
    "marts_sum_over_the_ledger": f"update marts.vehicle_days set off_s = off_s + 1 where {VAN}",
    "positions_are_accounted_for": f"update marts.data_health set received_count = received_count + 1 where {VAN}",
    "route_days_are_unique": f"insert into marts.route_days from marts.route_days where {VAN}",
    "route_idle_is_part_of_its_time": f"update marts.route_days set excess_idle_s = idle_s + 1 where {VAN}",
    "routes_share_the_time_of_their_van": f"update marts.route_days set drive_s = drive_s + 9999 where {VAN}",
    "runs_do_not_overlap": f"update core.ledger set ended_utc = ended_utc + interval 1 second where {VAN}"
    " and phase = 'pre'",
    "shares_are_between_0_and_1": f"update marts.route_days set stem_share = 1.01 where {VAN}",
    "stops_lie_within_the_day": f"update marts.stops set engine_on_s = duration_s + 1 where {VAN}",
    "time_adds_up": f"update core.ledger set duration_us = duration_us + 1 where {VAN} and phase = 'pre'",
    "totals_of_one_date_are_the_date": f"update marts.fleet_days set idle_share = idle_share / 2 where"
    f" service_date = '{DAY}'",
    "vehicle_days_are_unique": f"insert into marts.vehicle_days from marts.vehicle_days where {VAN}",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A warehouse with the reference day of one tenant, and a van of another."""
    settings = settings_in(tmp_path_factory.mktemp("checks"))
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        reference_day.build(warehouse)
        VanDay(warehouse, "V1", "09:00", tenant_id="other").run("drive", 60, miles=20).close(depot_id=None)
        build_day(warehouse, DAY)
        yield warehouse


@pytest.fixture
def warehouse(built) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, as it was, for every test."""
    built.execute("begin")
    yield built
    built.execute("rollback")


def answers(warehouse: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    rows = warehouse.execute("select tenant_id, check_name, row_count from core.check_results").fetchall()
    return {(tenant, name): count for tenant, name, count in rows}


def test_a_good_day_passes_every_check_and_every_answer_is_kept(warehouse):
    check_day(warehouse, DAY, TENANTS)
    assert answers(warehouse) == {(tenant, check.name): 0 for tenant in TENANTS for check in listed_checks()}


def test_there_is_a_planted_fault_for_every_check():
    assert FAULTS.keys() == {check.name for check in listed_checks()}


@pytest.mark.parametrize("check", listed_checks(), ids=lambda check: check.name)
def test_every_check_finds_the_fault_it_is_there_for_in_the_tenant_that_has_it(warehouse, check):
    warehouse.execute(FAULTS[check.name].replace("where service_date", "where tenant_id = 'dax7' and service_date"))
    found = {}
    try:
        check_day(warehouse, DAY, TENANTS)
        found = {key: count for key, count in answers(warehouse).items() if count}
        assert check.severity != ERROR
    except CheckFailed as failure:
        assert check.severity == ERROR
        found = {(found.tenant_id, found.check.name): found.row_count for found in failure.found}
    assert ("dax7", check.name) in found
    assert {tenant for tenant, _ in found} == {"dax7"}


def test_purchases_that_are_lost_or_doubled_are_warned_of(warehouse):
    purchase = {"tenant_id": "dax7", "provider": "wex", "provider_txn_id": "T1", "item_no": 1, "service_date": DAY}
    insert(warehouse, "core.fuel_lines", **purchase)
    check_purchases(warehouse)
    (check,) = listed_checks(OF_PURCHASES)
    assert answers(warehouse) == {("dax7", check.name): 1}
    insert(warehouse, "marts.fuel_purchases", **purchase)
    check_purchases(warehouse)
    assert answers(warehouse) == {}
    insert(warehouse, "marts.fuel_purchases", **purchase)
    insert(warehouse, "marts.card_days", tenant_id="dax7", service_date=DAY, vehicle_id="V12", card_l=1, fill_count=1)
    check_purchases(warehouse)
    assert answers(warehouse) == {("dax7", check.name): 2}


def test_what_holds_a_date_back_is_noted_with_some_rows_until_it_passes(warehouse):
    warehouse.execute(FAULTS["time_adds_up"])
    with pytest.raises(CheckFailed) as raised:
        check_day(warehouse, DAY, TENANTS)
    assert raised.value.lines()[0].startswith(f"{DAY} of dax7: time_adds_up (")
    hold_back(warehouse, DAY, TENANTS, raised.value.found)
    first = warehouse.execute("from core.held_back").fetchall()
    hold_back(warehouse, DAY, TENANTS, raised.value.found)
    assert warehouse.execute("from core.held_back").fetchall() == first
    sample = warehouse.execute("select sample from core.check_results where row_count > 0").fetchall()[0][0]
    assert json.loads(sample)[0]["vehicle_id"] == "V12"
    hold_back(warehouse, DAY, TENANTS, [])
    assert warehouse.execute("from core.held_back").fetchall() == []


def test_warnings_are_asked_again_once_a_date_is_over(warehouse):
    today = warehouse.execute("select current_date").fetchall()[0][0]
    van = VanDay(warehouse, "V1", "09:00", tenant_id="other", day=today - timedelta(days=2))
    van.run("drive", 60, miles=20).close(depot_id=None)
    insert(
        warehouse, "core.check_results", tenant_id="other", service_date=today - timedelta(days=2),
        check_name="clocks_agree", severity="warn", checked_utc=van.begins_utc,
    )  # fmt: skip
    recheck_ended(warehouse)
    asked = "select count(*) from core.check_results where tenant_id = 'other'"
    assert warehouse.execute(asked).fetchall() == [(4,)]
    before = warehouse.execute("from core.check_results").fetchall()
    recheck_ended(warehouse)
    assert warehouse.execute("from core.check_results").fetchall() == before


def test_a_check_that_does_not_say_how_severe_it_is_is_refused():
    with pytest.raises(ValueError, match="nothing_is_odd: its comment ends with 'severity: error'"):
        parsed("nothing_is_odd", "-- Nothing is odd.\n\nselect 1")
