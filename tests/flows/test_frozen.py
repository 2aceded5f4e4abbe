"""A frozen vehicle-date keeps what was measured of it, whatever comes after."""

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import warehouse.connection
from flows.importing import run_import
from flows.refresh import refresh
from tests.builders import (
    collected,
    golden_points,
    in_warehouse,
    message,
    positions,
    rebuilt,
    settings_in,
    yesterday_at,
)
from warehouse.connection import open_database, open_warehouse, sql
from warehouse.frozen import freeze

pytestmark = pytest.mark.campaign

DAY = datetime.fromtimestamp(yesterday_at(15), UTC).date()
TABLES = (
    *("core.vehicle_dates", "core.ledger", "core.stops", "marts.vehicle_days", "marts.idle_events"),
    *("marts.idle_by_definition", "marts.stops", "marts.status_days"),
)
KEYS = {
    "core.ledger": ("started_utc", "ended_utc"),
    "core.stops": ("arrived_utc",),
    "marts.stops": ("arrived_utc",),
    "marts.idle_events": ("started_utc",),
    "marts.idle_by_definition": ("definition_id",),
}
LATE = {"ts": yesterday_at(16), "seq": 99, "lat": 40.7, "lon": -74.0, "ign": False}


def rows_of(settings, vehicle: str) -> dict[str, pl.DataFrame]:
    with open_database(settings.warehouse_path, read_only=True) as opened:
        return {name: opened.sql(f"from {name} where vehicle_id = '{vehicle}' order by all").pl() for name in TABLES}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Two vans heard yesterday; the date of d1 is frozen."""
    tmp_path = tmp_path_factory.mktemp("frozen")
    settings = settings_in(tmp_path, timezone="UTC")
    (tmp_path / "vehicles.csv").write_text("tenant_id,vehicle_id\nt1,d1\nt1,d2\n")
    (tmp_path / "assignments.csv").write_text("tenant_id,kind,id,vehicle_id\nt1,device,d1,d1\nt1,device,d2,d2\n")
    for kind in ("vehicles", "assignments"):
        run_import(settings, kind, [tmp_path / f"{kind}.csv"])
    collected(settings, [positions(golden_points(yesterday_at(15)), device) for device in ("d1", "d2")])
    rebuilt(settings)
    with open_warehouse(settings.warehouse_path) as warehouse:
        freeze(warehouse, f"(select 't1' as tenant_id, 'd1' as vehicle_id, date '{DAY}' as service_date)", "thinned")
    return tmp_path


@pytest.fixture
def line(begun, tmp_path):
    """The same, for one test alone."""
    return settings_in(shutil.copytree(begun, tmp_path / "line", symlinks=True), timezone="UTC")


def test_a_plan_that_changes_for_a_frozen_date_reaches_the_copy_of_its_tenant(line):
    """Nothing is rebuilt then, and what copies are made of is known by date."""
    settings = line.model_copy(update={"tenant_copies": "all"})
    exits = []
    for issued_utc, hour in ((1e9, 13), (1.1e9, 14)):
        times = {"planned_exit_utc": yesterday_at(hour), "planned_return_utc": yesterday_at(20)}
        routes = {"routes": [{"route_id": "R1", "vehicle_id": "d1"} | times]}
        collected(settings, [message("rt/v1/t1/x/plan", PLAN | {"issued_utc": issued_utc} | routes)])
        assert refresh(settings).published
        [copy] = settings.tenants_dir.glob("*.duckdb")
        with open_database(copy.resolve(), read_only=True) as of_tenant:
            exits += of_tenant.execute("select planned_exit_utc from core.planned_routes").fetchall()
    assert [found.hour for (found,) in exits] == [13, 14]


PLAN = {"v": 1, "service_date": str(DAY)}


def test_late_data_is_quarantined_and_seen_as_that_and_nothing_is_measured_again(line):
    before = rows_of(line, "d1")
    collected(line, [positions([LATE], "d1"), positions([LATE], "d1"), positions([LATE], "d2")])
    rebuilt(line)
    for name, frame in rows_of(line, "d1").items():
        assert_frame_equal(frame, before[name])
    assert in_warehouse(line, "select device_id, count(*) from lake.positions group by all order by all").rows() == [
        ("d1", 16),
        ("d2", 17),
    ]
    late = in_warehouse(line, "select device_id, kind, reason, payload, seen_count from lake.rejects").rows()
    assert late == [("d1", "quarantine", "date_frozen", None, 2)]
    health = in_warehouse(
        line, "select vehicle_id, rejected_count, rejected_by_rule from marts.data_health order by all"
    )
    assert health.rows() == [("d1", 2, '{"date_frozen":2}'), ("d2", 0, "{}")]


def test_neither_a_full_refresh_nor_an_import_rebuilds_it_and_its_neighbour_is_rebuilt(line, tmp_path):
    with open_warehouse(line.warehouse_path) as warehouse:  # what a rebuild would make of it
        warehouse.execute("delete from core.ledger where vehicle_id = 'd1'")
        warehouse.execute("update marts.vehicle_days set idle_s = 1 where vehicle_id = 'd2'")
    done = refresh(line, full=True)
    assert [(found.vehicle_id, found.why) for found in done.frozen] == [("d1", "thinned")]
    idle = "select vehicle_id, idle_s from marts.vehicle_days order by all"
    assert in_warehouse(line, idle).rows() == [("d1", 540), ("d2", 540)]
    (tmp_path / "vehicles.csv").write_text("tenant_id,vehicle_id,fuel_type\nt1,d1,diesel\nt1,d2,diesel\n")
    run_import(line, "vehicles", [tmp_path / "vehicles.csv"])
    rebuilt(line)
    fuels = in_warehouse(line, "select vehicle_id, fuel_type from marts.vehicle_days order by all").rows()
    assert fuels == [("d1", None), ("d2", "diesel")]
    assert in_warehouse(line, "select idle_s from marts.fleet_days").item() == 1080


def test_a_new_schema_takes_its_rows_over_by_column_name(line, monkeypatch):
    before = rows_of(line, "d1")
    changed = (
        sql("schema.sql")
        .replace("    drive_s double not null,\n", "    told_apart varchar not null,\n    drive_s double not null,\n")
        .replace(
            "create table if not exists core.stops (\n", "create table if not exists core.stops (\n    n bigint,\n"
        )
    )
    real = warehouse.connection.sql
    monkeypatch.setattr(warehouse.connection, "sql", lambda name: changed if name == "schema.sql" else real(name))
    with open_warehouse(line.warehouse_path) as opened:
        left = opened.execute("select distinct vehicle_id from marts.vehicle_days").fetchall()
        assert left == [("d1",)]
        assert opened.execute("select told_apart from marts.vehicle_days").fetchall() == [("",)]
        after = {name: opened.sql(f"from {name} where vehicle_id = 'd1'").pl() for name in before}
    for name, frame in before.items():
        same = after[name].select(frame.columns).sort(*KEYS.get(name, ("vehicle_id",)))
        assert_frame_equal(same, frame.sort(*KEYS.get(name, ("vehicle_id",))))
