"""Every vehicle-date counts its revisions, and each says what changed, why, and from which segments."""

import csv
import json
from datetime import UTC, datetime

import duckdb
import pytest

from flows.importing import run_import
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

REVISIONS = "select vehicle_id, revision, reasons, segments, changed, changes from core.revisions"


def revisions(settings, tenant: str = "t1") -> list[dict]:
    return in_warehouse(settings, f"{REVISIONS} where tenant_id = '{tenant}' order by all").to_dicts()


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Refreshed twice, a tenant for each case: a late backlog, a device that gets its van, a plan of fewer stops."""
    settings, start = settings_in(tmp_path_factory.mktemp("twice")), yesterday_at(15)
    points = golden_points(start)
    late = [positions(points[:8], tenant="late"), positions(points, "d2", "late")]
    day = datetime.fromtimestamp(start, UTC).date().isoformat()
    route = {"route_id": "R1", "vehicle_id": "d1", "planned_exit_utc": start, "planned_return_utc": start + 3600}
    other = [{"seq": 2, "lat": 42.0, "lon": -74.0}]
    first, second = (
        message(
            "rt/v1/fewer/x/plan",
            {"v": 1, "service_date": day, "issued_utc": issued, "routes": [route | {"stops": stops}]},
        )
        for issued, stops in (
            (start - 7200, [{"seq": 1, "lat": 41.0, "lon": -74.0}] * 2 + other),
            (start - 3600, other),
        )
    )
    collected(settings, [*late, positions(points, tenant="moved"), positions(points, tenant="fewer"), first])
    rebuilt(settings)
    assert in_warehouse(settings, "select max(revision) from core.revisions").item() == 1
    collected(settings, [positions(points[8:], tenant="late", his=True)], collector="other")
    collected(settings, [second])
    assignments = tmp_path_factory.mktemp("files") / "assignments.csv"
    with assignments.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tenant_id", "kind", "id", "vehicle_id", "from_utc", "to_utc"])
        writer.writerow(["moved", "device", "d1", "V1", "2020-01-01T00:00:00Z", ""])
    run_import(settings, "assignments", [assignments])
    rebuilt(settings)
    return settings


def test_a_late_backlog_revises_the_vehicle_date_it_touches_and_no_other(twice):
    found = revisions(twice, "late")
    assert [(row["vehicle_id"], row["revision"]) for row in found] == [("d1", 1), ("d1", 2), ("d2", 1)]
    late = found[1]
    assert late["reasons"] == ["positions"]
    spool, number = late["segments"][0].rsplit("/", 1)
    assert (spool.startswith("other-"), number) == (True, "1")
    assert {"ledger", "vehicle_dates"} <= set(late["changed"])
    changes = json.loads(late["changes"])
    assert changes["idle_s"] == [150.0, 540.0]
    assert changes["position_count"] == [8, 16]
    assert "ready_s" not in changes
    days = in_warehouse(
        twice, "select vehicle_id, revision from marts.vehicle_days where tenant_id = 'late' order by all"
    )
    assert days.rows() == [("d1", 2), ("d2", 1)]


def test_a_vehicle_date_that_moves_to_another_van_ends_with_a_revision_of_nothing(twice):
    found = {(row["vehicle_id"], row["revision"]): row for row in revisions(twice, "moved")}
    assert set(found) == {("d1", 1), ("d1", 2), ("V1", 1)}
    assert found[("d1", 2)]["reasons"] == ["import"]
    assert json.loads(found[("d1", 2)]["changes"])["idle_s"] == [540.0, None]
    assert in_warehouse(twice, "select vehicle_id from marts.vehicle_days where tenant_id = 'moved'").rows() == [
        ("V1",)
    ]


def test_equal_rows_that_go_leave_a_revision(twice):
    assert in_warehouse(twice, "select count(*) from marts.planned_stops where tenant_id = 'fewer'").item() == 1
    found = revisions(twice, "fewer")
    assert [row["revision"] for row in found] == [1, 2]
    assert "planned_stops" in found[1]["changed"]


@pytest.mark.campaign
def test_repeats_and_full_rebuilds_revise_nothing(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points)])
    rebuilt(settings)
    before = revisions(settings)
    collected(settings, [positions(points), positions(points[3:9])])
    rebuilt(settings)
    rebuilt(settings, full=True)
    assert revisions(settings) == before
    assert in_warehouse(settings, "select duplicate_count from core.vehicle_dates").item() == 22


@pytest.mark.campaign
def test_a_warehouse_of_another_schema_keeps_its_history_and_adds_nothing_to_it(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    for part in (points[:8], points[8:]):
        collected(settings, [positions(part)])
        rebuilt(settings)
    before = revisions(settings)
    assert [found["revision"] for found in before] == [1, 2]
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("update core.schema_stamp set digest = 'of an older version'")
    rebuilt(settings)
    assert revisions(settings) == before
    assert in_warehouse(settings, "select revision from marts.vehicle_days").item() == 2
