"""A legal hold covers the dates it should, ends when it is released, and outlives the warehouse."""

from datetime import date

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.opening import opened_line
from flows.privacy.expiring import held_messages
from flows.privacy.holding import NoSuchHold, place_hold, registered_holds, release_hold, take_holds
from ingest.spool import Segment
from tests.builders import settings_in
from tests.warehouse.core_rows import insert
from warehouse.connection import open_warehouse
from warehouse.holds import held_dates
from warehouse.retention import delete_due, set_cutoffs

DAY = date(2026, 2, 26)


def held(settings, kind, subject, from_date=None, to_date=None, tenant="t1"):
    return place_hold(
        settings, tenant=tenant, kind=kind, subject=subject, from_date=from_date, to_date=to_date,
        reason="case 88", by="ana",
    )  # fmt: skip


def test_a_vehicle_is_held_for_its_period_and_no_other_van_or_tenant_is(tmp_path):
    settings = settings_in(tmp_path)
    hold_id = held(settings, "vehicle", "V1", DAY, DAY)
    with open_warehouse(settings.warehouse_path) as warehouse:
        take_holds(warehouse, settings)
        assert held_dates(warehouse, "t1", "V1") == [(hold_id, DAY, DAY)]
        assert held_dates(warehouse, "t1", "V2") == []
        assert held_dates(warehouse, "t2", "V1") == []


def test_a_hold_of_a_driver_covers_what_is_learned_later_and_only_inside_its_period(tmp_path):
    settings = settings_in(tmp_path)
    hold_id = held(settings, "driver", "D7", DAY, None)
    plan = {"tenant_id": "t1", "depot_id": "x", "role": "primary", "driver_id": "D7"}
    with open_warehouse(settings.warehouse_path) as warehouse:
        take_holds(warehouse, settings)
        assert held_dates(warehouse, "t1", "V1") == []
        insert(warehouse, "core.planned_routes", **plan, route_id="R1", vehicle_id="V1", service_date=DAY)
        before = date(2026, 2, 25)
        insert(warehouse, "core.planned_routes", **plan, route_id="R1", vehicle_id="V1", service_date=before)
        insert(
            warehouse, "core.assignments", tenant_id="t1", kind="driver", id="D7", subject_id="D7", vehicle_id="V2",
            from_utc="2026-03-02 14:00", to_utc="2026-03-02 22:00",
        )  # fmt: skip
        assert held_dates(warehouse, "t1", "V1") == [(hold_id, DAY, DAY)]
        assert held_dates(warehouse, "t1", "V2") == [(hold_id, date(2026, 3, 1), date(2026, 3, 2))]


def test_holds_outlive_the_warehouse_and_end_with_their_release(tmp_path):
    settings = settings_in(tmp_path)
    first, second = held(settings, "vehicle", "V1"), held(settings, "vehicle", "V2")
    with open_warehouse(settings.warehouse_path) as warehouse:
        take_holds(warehouse, settings)
    settings.warehouse_path.unlink()
    release_hold(settings, first, reason="over", by="ben")
    with open_warehouse(settings.warehouse_path) as warehouse:
        take_holds(warehouse, settings)
        assert held_dates(warehouse, "t1", "V1") == []
        assert [found.hold_id for found in held_dates(warehouse, "t1", "V2")] == [second]
    assert [hold.released_by for hold in registered_holds(settings)] == ["ben", None]
    with pytest.raises(NoSuchHold, match=second):
        release_hold(settings, first, reason="twice", by="ben")


def test_the_commands_place_list_and_release_and_refuse_half_an_order(tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    asked = ["privacy", "hold", "--tenant", "t1", "--reason", "case 88", "--by", "ana"]
    run = CliRunner().invoke
    assert run(app, asked).exit_code == 2
    assert run(app, [*asked, "--vehicle", "V1", "--driver", "D1"]).exit_code == 2
    assert run(app, [*asked, "--vehicle", "V1", "--from", "2026-03-02", "--to", "2026-03-01"]).exit_code == 2
    assert "H1" in run(app, [*asked, "--vehicle", "V1", "--even-if-unknown"]).output
    assert "open, placed by ana" in run(app, ["privacy", "holds"]).output
    assert run(app, ["privacy", "release", "H1", "--reason", "closed", "--by", "ben"]).exit_code == 0
    assert "released by ben" in run(app, ["privacy", "holds"]).output
    assert run(app, ["privacy", "release", "H1", "--reason", "again"]).exit_code == 1


def test_a_hold_of_what_nothing_is_known_of_is_refused_with_near_names_and_the_rest_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    settings = settings_in(tmp_path)

    def asked(tenant, *more):
        return CliRunner().invoke(app, ["privacy", "hold", "--tenant", tenant, "--reason", "case 88", *more])

    assert "nothing is published" in asked("northwind", "--vehicle", "V012").output
    with open_warehouse(settings.published_path) as published:
        insert(
            published, "core.planned_routes", tenant_id="northwind", driver_id="D7", vehicle_id="V012",
            service_date=DAY, route_id="R1",
        )  # fmt: skip
    for tenant, kind, typo, near in (
        ("northwind", "vehicle", "V0122", "V012"),
        ("northwind", "driver", "D77", "D7"),
        ("nortwind", "vehicle", "V012", "northwind"),
    ):
        refused = asked(tenant, f"--{kind}", typo)
        assert refused.exit_code == 1
        assert f"nothing is known of {kind} {typo} of tenant {tenant}; near: {near};" in refused.output
    assert registered_holds(settings) == []
    assert "H1: vehicle V012 of northwind is held, 1 vehicle-dates" in asked("northwind", "--vehicle", "V012").output
    assert "held, 1 vehicle-dates" in asked("northwind", "--driver", "D7").output
    outside = asked("northwind", "--driver", "D7", "--from", "2026-03-01")
    assert "held, 0 vehicle-dates" in outside.output
    assert "H4" in asked("nortwind", "--vehicle", "V9", "--even-if-unknown").output


def test_purchases_of_a_held_driver_stay_also_without_a_van(tmp_path):
    settings = settings_in(tmp_path)
    held(settings, "driver", "D7", DAY, None)
    with open_warehouse(settings.warehouse_path) as warehouse:
        take_holds(warehouse, settings)
        for txn, driver, ref, day in (
            ("held", "D7", "D7", DAY),
            ("typed", None, "D7", DAY),
            ("before", "D7", "D7", date(2026, 2, 25)),
            ("other", "D8", "D8", DAY),
        ):
            insert(
                warehouse, "core.fuel_lines", tenant_id="t1", provider="wex", provider_txn_id=txn, driver_id=driver,
                driver_ref=ref, service_date=day,
            )  # fmt: skip
        set_cutoffs(warehouse, date(2060, 1, 1))
        delete_due(warehouse)
        gone = warehouse.execute("select provider_txn_id from expired_lines order by all").fetchall()
    assert gone == [("before",), ("other",)]


def test_raw_messages_of_purchases_of_a_held_driver_stay_also_without_a_van(tmp_path):
    settings = settings_in(tmp_path)
    held(settings, "driver", "D7")
    line = {"tenant_id": "t1", "provider": "wex", "item_no": 1}
    with opened_line(settings) as (warehouse, _):
        set_cutoffs(warehouse, date(2060, 1, 1))
        read = []
        for payload_hash, driver in enumerate(("D7", "D8")):
            insert(
                warehouse, "core.fuel_lines", **line, provider_txn_id=driver, driver_ref=driver, service_date=DAY,
            )  # fmt: skip
            read.append(
                f"select 't1' as tenant_id, 'wex' as provider, '{driver}' as provider_txn_id, 1 as item_no,"
                f" 's' as spool_id, 1 as segment_no, {payload_hash} as payload_hash"
            )
        warehouse.execute(f"create or replace view staging.read_purchases as {' union all '.join(read)}")
        found = held_messages(warehouse, settings, [Segment("s", 1, tmp_path)])
    assert found == {("s", 1): {0}}
