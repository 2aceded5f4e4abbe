"""What is erased is nowhere under the data directory, does not come back, and takes nothing else with it."""

import csv
import json
import os
import sys
from datetime import date
from hashlib import sha256
from shutil import copy2, copytree, rmtree
from subprocess import DEVNULL, Popen
from time import sleep
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.importing import run_import
from flows.post.mail import message as mail_of
from flows.privacy.access import access_path, read_accesses
from flows.privacy.erasing import UnderHold, erase, planned_erasure, unfinished
from flows.privacy.exporting import CannotExport, export
from flows.privacy.holding import place_hold
from flows.privacy.proving import listed_register, problems
from flows.privacy.searching import found_in
from flows.refresh import refresh
from flows.report.rendered import Report, day_period
from ingest.lineage import Source, raw_messages
from tests.builders import (
    all_published,
    collected,
    golden_points,
    message,
    positions,
    published,
    settings_in,
    yesterday_at,
)
from tests.post.delivering import deliver
from warehouse.subjects import Subject

pytestmark = pytest.mark.campaign

VIN, OTHER_VIN = "1FTBW2CM5HKA00001", "1FTBW2CM5HKA00002"
NAME, OTHER_NAME = "Anneliese Quodlibet", "Ben Okafor"
DRIVER, OTHER_DRIVER = "DRV-777", "DRV-888"
DEVICE, OTHER_DEVICE, FOREIGN_DEVICE = "860000000000777", "860000000000888", "860000000000999"
START_S = yesterday_at(15)
FIRST_DAY, SECOND_DAY = ("40.7111", "407111000"), ("40.7222", "407222000")  # where the van was, as sent and in the lake
VANS = [{"tenant_id": "t1", "vehicle_id": van, "fuel_type": "gasoline"} for van in (VIN, OTHER_VIN)]


def days_before(count):
    return START_S - 86_400 * count


def day_of(start_s):
    return date.fromtimestamp(start_s)


def points_at(start_s, latitude):
    return [point | {"lat": latitude, "lon": -74.0444} for point in golden_points(start_s)]


def plan(start_s, routes, tenant="t1"):
    body = {
        "v": 1,
        "service_date": day_of(start_s).isoformat(),
        "issued_utc": start_s - 7200,
        "routes": [
            {
                "route_id": f"R{van[-1]}", "vehicle_id": van, "driver_id": driver,
                "planned_exit_utc": start_s, "planned_return_utc": start_s + 1400, "planned_stops": 1,
                "stops": [{"seq": 1, "lat": 40.7, "lon": -74.0}],
            }
            for van, driver in routes
        ],
    }  # fmt: skip
    return message(f"rt/v1/{tenant}/x/plan", body)


def purchase(start_s, txn, vehicle, driver, site, tenant="t1"):
    body = {
        "v": 1, "event_type": "post", "provider_txn_id": txn, "vehicle_ref": vehicle, "driver_ref": driver,
        "ts_utc": start_s + 600, "site_name": site, "lat": 40.7123, "lon": -74.0123, "state": "NJ",
        "product": "gasoline_regular", "quantity": "10", "unit": "gal", "unit_price": "3.5", "gross": "35",
        "net": "35", "currency": "USD",
    }  # fmt: skip
    return message(f"fc/v1/{tenant}/wex/txn", body)


def written(folder, name, rows):
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / f"{name}.csv"


def imported(settings, folder):
    hours = [
        {
            "tenant_id": "t1", "driver_id": driver, "service_date": day_of(start_s).isoformat(),
            "clock_in_utc": f"{day_of(start_s)}T14:00:00Z", "clock_out_utc": f"{day_of(start_s)}T22:00:00Z",
        }
        for driver, start_s in ((DRIVER, START_S), (OTHER_DRIVER, START_S))
    ]  # fmt: skip
    tables = {
        "vehicles": VANS,
        "drivers": [
            {"tenant_id": tenant, "driver_id": driver, "name": name}
            for tenant, driver, name in (
                ("t1", DRIVER, NAME), ("t1", OTHER_DRIVER, OTHER_NAME), ("t2", OTHER_DRIVER, OTHER_NAME),
            )
        ],
        "assignments": [
            {
                "tenant_id": "t1", "kind": kind, "id": id_, "vehicle_id": van,
                "from_utc": "2020-01-01T00:00:00Z", "to_utc": "",
            }
            for kind, id_, van in (
                ("device", DEVICE, VIN), ("device", OTHER_DEVICE, OTHER_VIN), ("driver", DRIVER, VIN),
            )
        ],
        "timeclock": hours,
    }  # fmt: skip
    for name, rows in tables.items():
        assert run_import(settings, name, [written(folder, name, rows)])


def sent():
    """Two vans, two days, two tenants; the driver came to the van on the second day."""
    before_s = days_before(1)
    mixed = points_at(before_s, 40.7111)[-2:] + points_at(START_S, 40.7222)[:2]  # one message over two days
    return [
        plan(before_s, [(VIN, OTHER_DRIVER), (OTHER_VIN, None)]),
        plan(START_S, [(VIN, DRIVER), (OTHER_VIN, OTHER_DRIVER)]),
        positions(points_at(before_s, 40.7111)[:-2], device=DEVICE, his=True),
        positions([point | {"seq": 100 + point["seq"]} for point in mixed], device=DEVICE, his=True),
        positions(points_at(START_S, 40.7222)[2:], device=DEVICE),
        positions([{"ts": START_S + 5, "seq": 77, "lat": 0, "lon": 0, "ign": True}], device=DEVICE),
        positions(points_at(START_S, 40.7333), device=OTHER_DEVICE),
        positions(points_at(START_S, 40.7444), device=FOREIGN_DEVICE, tenant="t2"),
        message(f"tm/v1/t1/{DEVICE}/evt", {"v": 1, "ts": START_S + 60, "type": "harsh_brake", "lat": 40.7222}),
        purchase(START_S, "TX-1", VIN, DRIVER, "Quodlibet Fuel"),
        purchase(START_S, "TX-2", OTHER_VIN, OTHER_DRIVER, "Shell Canal St"),
    ]


@pytest.fixture(scope="module", autouse=True)
def _no_words():
    """Comments and display views tell of nobody; that they come with every copy is asked in test_copies.py. A copy that
    an erasure writes anew gets all of them, which takes longer than all else here.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("wording.add_display_views", "wording.add_comments", "publish.add_comments"):
            patch.setattr(f"warehouse.{name}", lambda _copy: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A line with everything in it, rendered as a report and mailed; tests take copies of it."""
    folder = tmp_path_factory.mktemp("whole")
    settings = settings_in(folder / "data")
    imported(settings, folder)
    collected(settings, sent())
    refresh(settings)
    for name in (f"reports/daily-t1-{day_of(START_S)}.html", f"reports/daily-t2-{day_of(START_S)}.html"):
        path = settings.data_dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<p>{VIN if 't1' in name else 'another tenant'}, driven by {NAME}</p>" if "t1" in name else "")
    told = f"{VIN} {NAME}"
    report = Report(
        "daily", "t1", day_period(day_of(START_S)), "Depot x · 2 vans · idle 3 %", f"<p>{told}</p>", told, {}, {}
    )
    mail = mail_of(report, sender="o@example.com", recipient="owner@example.com")
    deliver([mail], smtp_url=None, mail_dir=settings.mail_dir)
    return settings


@pytest.fixture
def line(whole, tmp_path):
    copytree(whole.data_dir, tmp_path / "data", symlinks=True)
    return settings_in(tmp_path / "data")


QUESTIONS = {
    "days": "select * exclude (revision) from marts.vehicle_days",
    "routes": "from marts.route_days",
    "ledger": "from core.ledger",
    "stops": "from marts.stops",
    "positions": "select * exclude (received_utc) from lake.positions",
    "sources": "select * exclude (received_utc) from lake.position_sources",
}
OTHERS = f"tenant_id = 't2' or vehicle_id != '{VIN}'"
OF_THE_VAN = f"tenant_id = 't1' and vehicle_id = '{VIN}'"


def answers(settings, where):
    found = all_published(settings, {name: f"from ({sql}) where {where}" for name, sql in QUESTIONS.items()})
    return {name: sorted(map(repr, rows.rows())) for name, rows in found.items()}


def erased(settings, kind, subject, *, since=None, until=None, everything=False, except_held=False):
    about = Subject("t1", kind, subject, since, until)
    found = planned_erasure(settings, about, everything=everything, except_held=except_held)
    return erase(settings, found, reason="request 5", by="ana")


def purchases(settings):
    sql = "select provider_txn_id, net, driver_ref, site_name, site_latitude from marts.fuel_purchases order by all"
    return published(settings, sql).rows()


def test_a_vehicle_is_nowhere_any_more_and_all_else_is_as_it_was(line):
    before = answers(line, OTHERS)
    done = erased(line, "vehicle", VIN)
    assert list(found_in(line.data_dir, [VIN, DEVICE, *SECOND_DAY, *FIRST_DAY])) == []
    assert answers(line, OTHERS) == before
    assert len(before["positions"]) == 32
    heard = "select sum(vehicles_heard) from marts.fleet_days where tenant_id = 't1'"
    assert published(line, heard).item() == 1
    assert [path.suffix for path in done.deleted_files] == [".html", ".eml"]
    assert [path.name for path in line.reports_dir.iterdir()] == [f"daily-t2-{day_of(START_S)}.html"]
    assert list(problems(line, [VIN, DEVICE])) == []

    # It stays so when old messages and files come again and all is made anew; another van may have the device.
    collected(line, [found for found in sent() if not found.topic.startswith("rt")], collector="other")
    run_import(line, "vehicles", [written(line.data_dir.parent, "vehicles", VANS)])
    refresh(line, full=True)
    assert published(line, f"select count(*) from marts.vehicle_days where {OF_THE_VAN}").item() == 0
    assert published(line, "select count(*) from lake.rejects where reason = 'erased'").item() > 16
    assert list(found_in(line.data_dir, [VIN, DEVICE, *SECOND_DAY, *FIRST_DAY])) == []
    assert answers(line, OTHERS)["days"] == before["days"]


def test_a_driver_goes_from_the_days_driven_and_nobody_else_does(line):
    first_day = f"({OTHERS}) or service_date = '{day_of(days_before(1))}'"
    before = answers(line, first_day)
    sums = "select * exclude (revision, quality_flags) from marts.vehicle_days where " + OF_THE_VAN + " order by all"
    days = published(line, sums)
    erased(line, "driver", DRIVER)
    assert list(found_in(line.data_dir, [NAME, DRIVER, "Quodlibet", *SECOND_DAY])) == []
    assert answers(line, first_day) == before
    assert len(before["positions"]) == 48
    refresh(line, full=True)
    assert published(line, sums).equals(days)
    assert days.height == 2
    routes = published(line, f"select driver_id from marts.route_days where {OF_THE_VAN} order by service_date").rows()
    assert routes == [(OTHER_DRIVER,), (None,)]
    assert purchases(line) == [
        ("TX-1", 35, None, None, None),
        ("TX-2", 35, OTHER_DRIVER, "Shell Canal St", 40.7123),
    ]
    assert list(problems(line, [NAME, DRIVER])) == []
    frozen = "select vehicle_id, service_date, why from core.frozen_dates"
    assert published(line, frozen).rows() == [(VIN, day_of(START_S), "erased")]

    # A raw message that spoke of both days has lost only the points of one, and is still found from the lake.
    kept = published(line, f"select spool_id, segment_no, payload_hash from lake.position_sources where {OF_THE_VAN}")
    wanted = {Source(*row) for row in kept.iter_rows()}
    assert len(raw_messages(line.spool_dir, wanted)) == len({source.payload_hash for source in wanted}) == 2

    # Old files and messages bring nothing back.
    collected(line, sent(), collector="other")
    imported(line, line.data_dir.parent)
    refresh(line)
    assert list(found_in(line.data_dir, [NAME, DRIVER, "Quodlibet", *SECOND_DAY])) == []
    assert list(problems(line)) == []


def test_a_hold_is_refused_by_name_or_stays_while_the_rest_goes(line):
    day = day_of(START_S)
    hold_id = place_hold(
        line, tenant="t1", kind="driver", subject=DRIVER, from_date=day, to_date=day, reason="case 88", by="ana"
    )
    with pytest.raises(UnderHold, match=f"legal hold {hold_id};"):
        erased(line, "vehicle", VIN)
    with pytest.raises(UnderHold, match=hold_id):
        erased(line, "driver", DRIVER)
    held = f"{OF_THE_VAN} and service_date = '{day}'"
    before = answers(line, held)
    raw = list(found_in(line.spool_dir, SECOND_DAY))
    erased(line, "vehicle", VIN, except_held=True)
    assert answers(line, held) == before
    assert len(before["positions"]) == 16
    assert list(found_in(line.spool_dir, SECOND_DAY)) == raw
    assert list(found_in(line.data_dir, FIRST_DAY)) == []


def test_an_export_holds_all_that_is_known_and_nothing_of_others_and_proves_what_it_was(line, tmp_path):
    about = Subject("t1", "driver", DRIVER, None, None)
    done = export(line, about, tmp_path / "first", reason="request 5", by="ana")
    again = export(line, about, tmp_path / "again.zip", reason="request 5", by="ana")
    assert done.digest == again.digest
    assert done.digest == sha256((tmp_path / "first" / "manifest.json").read_bytes()).hexdigest()
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_text())
    assert manifest["vehicle_dates"] == [[VIN, day_of(START_S).isoformat()]]
    with ZipFile(tmp_path / "again.zip") as archive:
        assert sorted(archive.namelist()) == sorted([*manifest["files"], "manifest.json"])
        for name, told in manifest["files"].items():
            assert sha256(archive.read(name)).hexdigest() == told["sha256"]
            assert archive.read(name) == (tmp_path / "first" / name).read_bytes()
    rows = {name: told["rows"] for name, told in manifest["files"].items()}
    assert (rows["lake/positions.csv"], rows["raw/messages.jsonl"], rows["core/timeclock.csv"]) == (16, 6, 1)
    told = {"core/drivers.csv", "core/ledger.csv", "marts/vehicle_days.csv", "marts/fuel_purchases.csv"}
    assert told | {"core/assignments.csv", "lake/events.csv", "lake/plans.csv", "lake/purchases.csv"} <= rows.keys()
    assert len(manifest["shown_in"]) == 2
    assert {text for _, text in found_in(tmp_path / "first", [NAME, "40.7222", "Quodlibet Fuel"])} == {
        NAME, "40.7222", "Quodlibet Fuel",
    }  # fmt: skip
    others = [OTHER_DRIVER, OTHER_NAME, OTHER_VIN, "Shell Canal", "40.7111", "40.7333", FOREIGN_DEVICE]
    assert list(found_in(tmp_path / "first", others)) == []
    assert any(done.digest in entry for entry in listed_register(line))
    accesses = read_accesses(access_path(line.data_dir))
    assert [(found.command, found.subject, found.purpose) for found in accesses] == 2 * [
        ("privacy export", DRIVER, "request 5")
    ]
    assert all(path.stat().st_mode & 0o377 == 0 for path in (tmp_path / "first").rglob("*.csv"))
    with pytest.raises(CannotExport, match="exists already"):
        export(line, about, tmp_path / "first", reason="request 5", by="ana")


def test_a_backup_from_before_an_erasure_loses_again_what_was_erased(line, tmp_path):
    """All but the register is put back; the next refresh, with nothing new to load, erases and publishes."""
    places = [path for path in line.data_dir.iterdir() if path.name != "privacy"]
    backup = tmp_path / "backup"
    backup.mkdir()
    for path in places:
        (copytree if path.is_dir() else copy2)(
            path, backup / path.name, **({"symlinks": True} if path.is_dir() else {})
        )
    before = answers(line, OTHERS)
    erased(line, "vehicle", VIN)
    for path in places:
        rmtree(path) if path.is_dir() else path.unlink()
    copytree(backup, line.data_dir, symlinks=True, dirs_exist_ok=True)
    rmtree(backup)
    assert list(found_in(line.data_dir, [VIN])) != []
    refresh(line)
    assert list(found_in(line.data_dir, [VIN, DEVICE, *SECOND_DAY, *FIRST_DAY])) == []
    assert answers(line, OTHERS) == before
    assert list(problems(line, [VIN, DEVICE])) == []
    assert published(line, "select erasure_id from core.erasures").rows() == [("E1",)]


def test_an_erasure_that_was_killed_is_finished_by_the_next_call(line, monkeypatch):
    """Killed when the first table of the lake is written anew: the tombstone stands, the warehouse knows nothing."""
    command = [sys.executable, "-m", "flows", "privacy", "erase", "--tenant", "t1", "--vehicle", VIN, "--yes"]
    command += ["--reason", "request 5"]
    environment = os.environ | {"ODOGRAPH_DATA_DIR": str(line.data_dir)}
    before = answers(line, OTHERS)
    log = line.data_dir / "lake" / "positions" / "_delta_log"
    with Popen(command, env=environment, stdout=DEVNULL, stderr=DEVNULL) as process:
        while process.poll() is None and not list(log.glob("*.checkpoint.parquet")):
            sleep(0.002)
        process.kill()
    assert unfinished(line) == ["E1"]
    assert any("not finished" in found for found in problems(line))
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    assert CliRunner().invoke(app, command[3:]).exit_code == 0
    assert unfinished(line) == []
    assert list(problems(line, [VIN, DEVICE, *SECOND_DAY, *FIRST_DAY])) == []
    assert answers(line, OTHERS) == before
