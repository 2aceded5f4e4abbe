"""What is over its time goes at every layer, what is held stays whole, and what was measured stays what it was."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from polars.testing import assert_frame_equal

import flows.privacy.thinning as thinning
from flows.importing import run_import
from flows.privacy.expiring import expire
from flows.privacy.holding import place_hold
from flows.refresh import refresh
from ingest.lake import lake_rows
from ingest.register import read_register, register_path
from ingest.spool import read_segment
from tests.builders import collected, message, positions, published, settings_in, yesterday_at

pytestmark = pytest.mark.campaign

START = yesterday_at(15)
DAY = datetime.fromtimestamp(START, UTC).date()
# Every ten seconds for twenty minutes; the first fix of each minute is a bad one.
POINTS = [
    {"ts": START + at_s, "seq": at_s, "lat": 40.7 + at_s * 1e-5, "lon": -74.0, "spd_kmh": 30, "ign": True, "sat": 9}
    | ({"sat": 2} if at_s % 60 == 0 else {})
    for at_s in range(0, 1201, 10)
]
VANS = (("t1", "d1"), ("t1", "d2"), ("t2", "d3"))
PLAN = {
    "v": 1,
    "service_date": DAY.isoformat(),
    "issued_utc": START - 9000,
    "routes": [
        {"route_id": f"R-{device}", "vehicle_id": device, "driver_id": "D7", "planned_exit_utc": START - 600,
         "planned_return_utc": START + 3600}
        for device in ("d1", "d2")
    ],
}  # fmt: skip
COUNTS = "select device_id, count(*), bool_and(flags = 'thinned') from lake.positions group by all order by all"
RUNS = "select vehicle_id, count(*) > 0 from core.ledger group by all order by all"
DRIVERS = "select vehicle_id, driver_id from marts.route_days order by all"
DAYS = "select * exclude (revision) from marts.vehicle_days order by all"


def after(days: int):
    return DAY + timedelta(days=days)


def raw(settings) -> list[str]:
    """The topics of the messages that the spool still has."""
    segments = sorted(settings.spool_dir.glob("main/*.parquet"))
    return sorted({topic for path in segments for topic in read_segment(path)["topic"].to_pylist()})


@pytest.fixture
def line(tmp_path):
    """Three vans: d1 as usual, d2 held, d3 of a tenant that keeps positions for 400 days."""
    settings = settings_in(tmp_path, timezone="UTC", off_duty="show")
    (tmp_path / "retention.csv").write_text("tenant_id,data,keep_days,reason\nt2,positions,400,contract\n")
    assert run_import(settings, "retention", [tmp_path / "retention.csv"])
    collected(settings, [message("rt/v1/t1/DEP/plan", PLAN), *(positions(POINTS, *reversed(van)) for van in VANS)])
    refresh(settings)
    place_hold(
        settings, tenant="t1", kind="vehicle", subject="d2", from_date=DAY, to_date=DAY, reason="case 88", by="ana"
    )
    return settings


def test_what_is_over_its_time_is_thinned_and_then_goes_and_what_is_held_or_measured_stays(line):
    before = published(line, DAYS)
    expire(line, today=after(61))
    # Twenty minutes and the first fix of the next, which is a bad one.
    assert published(line, COUNTS).rows() == [("d1", 20, True), ("d2", 121, False), ("d3", 121, False)]
    assert raw(line) == ["rt/v1/t1/DEP/plan", "tm/v1/t1/d2/pos"]
    assert published(line, DRIVERS).rows() == [("d1", None), ("d2", "D7")]
    assert_frame_equal(published(line, DAYS), before)
    expire(line, today=after(2600))
    assert published(line, "select vehicle_id from marts.vehicle_days").rows() == [("d2",)]
    assert published(line, COUNTS).rows() == [("d2", 121, False)]


def test_layers_thin_and_expire_by_tenant_and_a_hold_keeps_its_date_whole(line, monkeypatch):
    before = published(line, DAYS)
    rows = lake_rows(line)
    would = {(due.data, due.tenant_id): due for due in expire(line, today=after(61), dry_run=True)}
    assert (would["positions", "t1"].row_count, would["positions", "t1"].held_count) == (121, 121)
    assert ("positions", "t2") not in would
    # A day is forgotten by the spool as old as its file, which is of today.
    assert lake_rows(line) == rows
    assert len(raw(line)) == 4

    # A run that dies between two layers is finished by the next one.
    with monkeypatch.context() as broken:
        broken.setattr(thinning, "replace_partition", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            expire(line, today=after(61))
    refresh(line, full=True)
    assert_frame_equal(published(line, DAYS), before)
    expire(line, today=after(61))
    # Twenty minutes and the first fix of the next, which is a bad one: the good ones begin ten seconds later.
    assert published(line, COUNTS).rows() == [("d1", 20, True), ("d2", 121, False), ("d3", 121, False)]
    firsts = published(line, "select distinct epoch(fix_utc)::bigint % 60 from lake.positions where device_id = 'd1'")
    assert firsts.rows() == [(10,)]
    assert raw(line) == ["rt/v1/t1/DEP/plan", "tm/v1/t1/d2/pos"]
    assert published(line, DRIVERS).rows() == [("d1", None), ("d2", "D7")]
    assert published(line, "select driver_id from lake.plans order by vehicle_id").rows() == [(None,), ("D7",)]
    assert_frame_equal(published(line, DAYS), before)
    assert [due for due in expire(line, today=after(61)) if due.row_count] == []
    assert [entry.kind for entry in read_register(register_path(line.data_dir))].count("expire") == 1

    late = {"ts": START + 1500, "seq": 9999, "lat": 40.7, "lon": -74.0, "ign": False}
    collected(line, [positions([late], "d1")])
    done = refresh(line)
    assert done.rebuilt == []
    done = refresh(line, full=True)
    assert [(frozen.vehicle_id, frozen.why) for frozen in done.frozen] == [("d1", "thinned")]
    assert published(line, "select reason, seen_count from lake.rejects").rows() == [("date_frozen", 1)]
    assert published(line, COUNTS).rows()[0] == ("d1", 20, True)
    assert_frame_equal(published(line, DAYS), before)

    expire(line, today=after(410))
    assert published(line, COUNTS).rows() == [("d1", 20, True), ("d2", 121, False), ("d3", 20, True)]
    assert published(line, RUNS).rows() == [("d2", True)]
    assert published(line, "select reason, seen_count from lake.rejects").rows() == [("date_frozen", 1)]
    refresh(line, full=True)
    assert_frame_equal(published(line, DAYS), before)
    assert published(line, "select vehicle_id from marts.stops union select vehicle_id from core.stops").height <= 1

    expire(line, today=after(2600))
    assert lake_rows(line)["positions"] == 121
    assert published(line, "select vehicle_id from marts.vehicle_days").rows() == [("d2",)]
    assert published(line, COUNTS).rows() == [("d2", 121, False)]


def test_the_periods_of_tenants_outlive_the_warehouse_and_none_is_too_short(tmp_path, capsys):
    line = settings_in(tmp_path)
    (tmp_path / "retention.csv").write_text("tenant_id,data,keep_days,reason\nt2,positions,400,contract\n")
    assert run_import(line, "retention", [tmp_path / "retention.csv"])
    line.warehouse_path.unlink()
    assert expire(line, today=after(61), dry_run=True) == []
    with duckdb.connect(str(line.warehouse_path)) as warehouse:
        assert warehouse.sql("select tenant_id, data, keep_days from core.retention").fetchall() == [
            ("t2", "positions", 400)
        ]
    (tmp_path / "short.csv").write_text("tenant_id,data,keep_days\nt1,timeclock,30\nt1,photos,3\n")
    assert not run_import(line, "retention", [tmp_path / "short.csv"])
    said = capsys.readouterr().err
    assert "row 1: keep_days: timeclock are kept 183 days at least" in said
    assert "row 2: data='photos': expected one of raw_messages, positions" in said
