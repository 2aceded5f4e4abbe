"""How fresh each tenant is, and which of its dates are complete."""

from datetime import timedelta

import pytest

from flows.opening import lake_tables
from tests.builders import settings_in
from tests.warehouse.core_rows import VanDay, insert
from warehouse.connection import open_warehouse
from warehouse.lake import attach_lake
from warehouse.models import build_day, prepare_models

MINUTES = {"new": 59, "edge": 60, "old": 61, "gone": 1561}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """Four tenants that were last heard so many minutes ago, and one with a plan only."""
    settings = settings_in(tmp_path_factory.mktemp("freshness"))
    with open_warehouse(settings.warehouse_path) as connection:
        prepare_models(connection)
        attach_lake(connection, lake_tables(settings), settings.timezone)
        now_utc, today = connection.execute("select now()::timestamp, current_date").fetchall()[0]
        for tenant, minutes in MINUTES.items():
            heard_utc = now_utc - timedelta(minutes=minutes, seconds=5)
            insert(
                connection, "core.devices", tenant_id=tenant, device_id="d1", last_seen_utc=heard_utc,
                first_seen_utc=heard_utc,
            )  # fmt: skip
            connection.execute(
                "update core.devices set fix = {'fix_utc': last_seen_utc, 'received_utc': last_seen_utc,"
                " 'latitude': 40.0, 'longitude': -74.0, 'ignition': true, 'battery_v': null, 'charge_pct': null,"
                " 'boot': 1, 'source_format': 'native', 'rank': null}"
            )
        for days_ago in (4, 3, 2):
            day = today - timedelta(days=days_ago)
            VanDay(connection, "V1", "09:00", tenant_id="new", day=day).run("drive", 60).close(depot_id=None)
            build_day(connection, day)
        held_day = today - timedelta(days=2)
        insert(
            connection, "core.held_back", tenant_id="new", service_date=held_day, check_name="time_adds_up",
            row_count=2, found_utc=now_utc,
        )  # fmt: skip
        insert(
            connection, "core.planned_routes", tenant_id="planned", service_date=today, depot_id="X", issued_utc=now_utc
        )
        yield connection


def test_a_tenant_is_fresh_late_or_silent_by_when_it_was_heard(warehouse):
    found = dict(warehouse.execute("select tenant_id, state from marts.freshness").fetchall())
    assert found == {"new": "fresh", "edge": "fresh", "old": "late", "gone": "silent", "planned": "silent"}
    lag = dict(warehouse.execute("select tenant_id, lag_min from marts.freshness").fetchall())
    assert lag == MINUTES | {"planned": None}


def test_a_date_is_complete_when_it_is_over_and_not_held_back(warehouse):
    complete, held, age = warehouse.execute(
        "select newest_complete_date, held_back_dates, current_date - newest_complete_date from marts.freshness"
        " where tenant_id = 'new'"
    ).fetchall()[0]
    assert (age, held) == (3, 1), complete


def test_each_source_has_its_own_lag(warehouse):
    rows = warehouse.execute(
        "select tenant_id, kind, source, state from marts.source_freshness order by all"
    ).fetchall()
    assert ("old", "positions", "native", "late") in rows
    assert ("planned", "plans", "X", "fresh") in rows
    assert len(rows) == 5
