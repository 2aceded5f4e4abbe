"""Every vehicle-date counts its revisions, and each says what changed, why, and from which segments."""

import csv
import json
from datetime import UTC, datetime

import duckdb

from flows.importing import run_import
from flows.refresh import refresh
from tests.builders import collected, golden_points, message, positions, published, settings_in, yesterday_at

REVISIONS = "select vehicle_id, revision, reasons, segments, changed, changes from core.revisions order by all"


def revisions(settings) -> list[dict]:
    return published(settings, REVISIONS).to_dicts()


def test_a_late_backlog_revises_the_vehicle_date_it_touches_and_no_other(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points[:8]), positions(points, device="d2")])
    refresh(settings)
    assert [(found["vehicle_id"], found["revision"]) for found in revisions(settings)] == [("d1", 1), ("d2", 1)]

    collected(settings, [positions(points[8:], his=True)], collector="other")
    refresh(settings)
    late = [found for found in revisions(settings) if found["revision"] == 2]
    assert [found["vehicle_id"] for found in late] == ["d1"]
    assert late[0]["reasons"] == ["positions"]
    spool, number = late[0]["segments"][0].rsplit("/", 1)
    assert (spool.startswith("other-"), number) == (True, "1")
    assert {"ledger", "vehicle_dates"} <= set(late[0]["changed"])
    changes = json.loads(late[0]["changes"])
    assert changes["idle_s"] == [150.0, 540.0]
    assert changes["position_count"] == [8, 16]
    assert "ready_s" not in changes
    days = published(settings, "select vehicle_id, revision from marts.vehicle_days order by all").rows()
    assert days == [("d1", 2), ("d2", 1)]


def test_repeats_and_full_rebuilds_revise_nothing(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points)])
    refresh(settings)
    before = revisions(settings)
    collected(settings, [positions(points), positions(points[3:9])])
    refresh(settings)
    refresh(settings, full=True)
    assert revisions(settings) == before
    assert published(settings, "select duplicate_count from core.vehicle_dates").item() == 22


def test_a_vehicle_date_that_moves_to_another_van_ends_with_a_revision_of_nothing(tmp_path):
    settings = settings_in(tmp_path)
    start = yesterday_at(15)
    collected(settings, [positions(golden_points(start))])
    refresh(settings)
    with (tmp_path / "assignments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tenant_id", "kind", "id", "vehicle_id", "from_utc", "to_utc"])
        writer.writerow(["t1", "device", "d1", "V1", "2020-01-01T00:00:00Z", ""])
    run_import(settings, "assignments", [tmp_path / "assignments.csv"])
    refresh(settings)
    found = {(row["vehicle_id"], row["revision"]): row for row in revisions(settings)}
    assert set(found) == {("d1", 1), ("d1", 2), ("V1", 1)}
    assert found[("d1", 2)]["reasons"] == ["import"]
    assert json.loads(found[("d1", 2)]["changes"])["idle_s"] == [540.0, None]
    assert published(settings, "select vehicle_id from marts.vehicle_days").rows() == [("V1",)]


def test_a_warehouse_of_another_schema_keeps_its_history_and_adds_nothing_to_it(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    for part in (points[:8], points[8:]):
        collected(settings, [positions(part)])
        refresh(settings)
    before = revisions(settings)
    assert [found["revision"] for found in before] == [1, 2]
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("update core.schema_stamp set digest = 'of an older version'")
    refresh(settings)
    assert revisions(settings) == before
    assert published(settings, "select revision from marts.vehicle_days").item() == 2


def test_equal_rows_that_go_leave_a_revision(tmp_path):
    settings = settings_in(tmp_path)
    start = yesterday_at(15)
    day = datetime.fromtimestamp(start, UTC).date().isoformat()
    twice = [{"seq": 1, "lat": 41.0, "lon": -74.0}, {"seq": 1, "lat": 41.0, "lon": -74.0}]
    other = [{"seq": 2, "lat": 42.0, "lon": -74.0}]
    route = {"route_id": "R1", "vehicle_id": "d1", "planned_exit_utc": start, "planned_return_utc": start + 3600}
    collected(settings, [positions(golden_points(start))])
    for issued, stops in ((start - 7200, twice + other), (start - 3600, other)):
        plan = {"v": 1, "service_date": day, "issued_utc": issued, "routes": [route | {"stops": stops}]}
        collected(settings, [message("rt/v1/t1/x/plan", plan)])
        refresh(settings)
    assert published(settings, "select count(*) from marts.planned_stops").item() == 1
    assert [found["revision"] for found in revisions(settings)] == [1, 2]
    assert "planned_stops" in revisions(settings)[1]["changed"]
