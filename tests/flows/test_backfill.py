"""A range of service dates is measured anew, each date once, whatever stops it."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import flows.backfill
from flows.backfill import backfill, plan_of
from flows.cli import app
from flows.refresh import refresh
from tests.builders import collected, golden_points, positions, published, rebuilt, settings_in, yesterday_at
from warehouse.backfills import Range, reopen_date
from warehouse.checks import CheckFailed
from warehouse.connection import open_warehouse
from warehouse.frozen import freeze

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
DAYS = [datetime.fromtimestamp(yesterday_at(15) - ago * DAY_S, UTC).date() for ago in (3, 2, 1, 0)]
ALL = Range(DAYS[0], DAYS[-1])


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Four days of one van of t1, the last two also of t2; the second day of t1 is frozen."""
    folder = tmp_path_factory.mktemp("backfill")
    settings = settings_in(folder, timezone="UTC")
    days = [positions(golden_points(yesterday_at(15) - ago * DAY_S)) for ago in (3, 2, 1, 0)]
    others = [positions(golden_points(yesterday_at(15) - ago * DAY_S), "e1", "t2") for ago in (1, 0)]
    collected(settings, [*days, *others])
    rebuilt(settings)
    with open_warehouse(settings.warehouse_path) as warehouse:
        frozen = f"(select 't1' as tenant_id, 'd1' as vehicle_id, date '{DAYS[1]}' as service_date)"
        freeze(warehouse, frozen, "thinned")
    return folder


@pytest.fixture
def line(begun, tmp_path):
    """The same, for one test alone."""
    return settings_in(shutil.copytree(begun, tmp_path / "line", symlinks=True), timezone="UTC")


def rebuilds(settings) -> list[tuple]:
    """Tenant, date and how often it was rebuilt by a backfill."""
    with open_warehouse(settings.warehouse_path) as warehouse:
        return warehouse.execute(
            "select tenant_id, service_date, count(*) from core.loads where list_contains(reasons, 'backfill')"
            " group by all order by all"
        ).fetchall()


ONCE = [("t1", DAYS[0], 1), ("t1", DAYS[2], 1), ("t1", DAYS[3], 1), ("t2", DAYS[2], 1), ("t2", DAYS[3], 1)]


def test_it_measures_all_of_a_range_but_what_is_frozen_and_publishes(line):
    with open_warehouse(line.warehouse_path) as warehouse:
        warehouse.execute("update core.vehicle_dates set accepted_count = 1")  # what an older program made
    told = []
    done = backfill(line, ALL, progress=lambda *seen: told.append(seen))
    assert done.rebuilt == [DAYS[0], DAYS[2], DAYS[3]]
    assert rebuilds(line) == ONCE
    assert [(found.vehicle_id, found.service_date, found.why) for found in done.plan.frozen] == [
        ("d1", DAYS[1], "thinned")
    ]
    assert [seen for seen in told if seen[0] == "backfill"] == [("backfill", done, 3) for done in (0, 1, 2, 3)]
    counts = published(line, "select accepted_count from core.vehicle_dates order by service_date, tenant_id")
    assert counts["accepted_count"].to_list() == [16, 1, 16, 16, 16, 16]


def test_of_one_tenant_it_leaves_the_others_alone_and_asked_again_it_begins_anew(line):
    asked = Range(DAYS[3], DAYS[3], "t2")
    backfill(line, asked)
    assert rebuilds(line) == [("t2", DAYS[3], 1)]
    backfill(line, asked)
    assert rebuilds(line) == [("t2", DAYS[3], 2)]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    asked = ["backfill", "--from", str(DAYS[0]), "--to", str(DAYS[2]), "--dry-run"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0
    assert f"{DAYS[0]}..{DAYS[2]} of all tenants: 2 service dates, 3 vehicle-dates, tenants t1, t2" in shown.output
    assert f"frozen, stays as it was: t1 d1 {DAYS[1]} (thinned)" in shown.output
    assert f"to be rebuilt: {DAYS[0]}, {DAYS[2]}\n" in shown.output
    assert rebuilds(line) == []
    backwards = CliRunner().invoke(app, ["backfill", "--from", str(DAYS[2]), "--to", str(DAYS[0])])
    assert (backwards.exit_code, "is before --from" in backwards.output) == (2, True)


def test_an_unknown_tenant_is_refused_and_what_the_refresh_at_the_end_did_is_told(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    monkeypatch.setenv("ODOGRAPH_TIMEZONE", "UTC")
    range_of = ["backfill", "--from", "2030-01-01", "--to", "2030-01-02"]
    for more in (["--dry-run"], []):
        refused = CliRunner().invoke(app, [*range_of, "--tenant", "nosuch", *more])
        assert (refused.exit_code, refused.output) == (1, "no tenant nosuch; there are t1, t2\n")
    with open_warehouse(line.warehouse_path) as warehouse:
        reopen_date(warehouse, DAYS[3], ["t2"], "UTC")
    done = CliRunner().invoke(app, [*range_of, "--tenant", "t2"])
    assert (done.exit_code, "0 service dates" in done.output) == (0, True)
    assert f"rebuilt: nothing\nrebuilt by the refresh at the end: {DAYS[3]}\n" in done.output


def test_killed_in_the_middle_and_asked_again_it_does_the_rest_and_nothing_twice(line):
    code = (
        "import time, flows.backfill as b\n"
        "from datetime import date\n"
        "from tests.builders import settings_in\n"
        "from warehouse.backfills import Range\n"
        "from pathlib import Path\n"
        "real = b.reopen_date\n"
        "def slow(warehouse, day, *more):\n"
        "    real(warehouse, day, *more)\n"
        f"    if str(day) == '{DAYS[2]}':\n"
        "        print('reopened', flush=True)\n"
        "        time.sleep(60)\n"
        "b.reopen_date = slow\n"
        f"b.backfill(settings_in(Path({str(line.data_dir)!r}), timezone='UTC'),"
        f" Range(date.fromisoformat('{DAYS[0]}'), date.fromisoformat('{DAYS[3]}')))\n"
    )
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "reopened\n"
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    left = plan_of(line, ALL)
    assert left.dates_left == [DAYS[2], DAYS[3]]
    assert "1 of 3 service dates are done" in "\n".join(left.lines())
    refresh(line)  # a scheduled one comes first, and does the date that was open
    done = backfill(line, ALL)
    assert done.rebuilt == [DAYS[3]]
    assert rebuilds(line) == ONCE
    assert plan_of(line, ALL).began_utc is None  # it is over


def test_a_date_that_is_held_back_stops_no_other_and_is_told(line, monkeypatch):
    real = flows.backfill.rebuild

    def failing(settings, day, opened, **given):
        if day == DAYS[2]:
            raise CheckFailed(day, [])
        real(settings, day, opened, **given)

    monkeypatch.setattr(flows.backfill, "rebuild", failing)
    done = backfill(line, ALL._replace(first=DAYS[2]))
    assert (done.rebuilt, [found.day for found in done.failed]) == ([DAYS[3]], [DAYS[2]])
    assert not done.is_whole
