"""The line runs without Prefect, and with it."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.server.schemas.schedules import CronSchedule
from pydantic_extra_types.pendulum_dt import DateTime

from flows.deployments.reporting import due_at
from flows.deployments.served import DEPLOYMENTS, limit, schedule, zone_of
from tests.builders import (
    ONE_COPY,
    collected,
    golden_points,
    message,
    positions,
    published,
    settings_in,
    yesterday_at,
)
from tests.ingest.running import eventually

ROOT = Path(__file__).parents[2]
UNDER_WAY = ("SCHEDULED", "PENDING", "RUNNING")


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | ONE_COPY | {"ODOGRAPH_DATA_DIR": str(data_dir)} | more


@pytest.mark.campaign
def test_without_an_api_url_prefect_is_not_imported(tmp_path):
    code = (
        "import sys; from flows.cli import app; app(['refresh'], standalone_mode=False);"
        "sys.exit('prefect' in sys.modules)"
    )
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "16 positions" in result.stdout
    assert "published:" in result.stdout


def test_a_run_that_starts_early_asks_for_what_is_due_at_its_time_and_a_late_one_for_now():
    six = DateTime(2026, 11, 21, 11, 0, tzinfo=UTC)  # Prefect's class loses its zone in arithmetic
    second = timedelta(seconds=1)
    assert due_at(six, datetime(2026, 11, 21, 10, 59, 58, tzinfo=UTC)) == datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    late = datetime(2026, 11, 21, 11, 0, tzinfo=UTC) + second
    assert due_at(six, late) == due_at(None, late) == late


@pytest.mark.parametrize("cron", ["30 2 * * *", "30 1 * * *", "0 6 * * *"])
@pytest.mark.parametrize("night", [date(2026, 3, 8), date(2026, 11, 1)])
def test_what_runs_once_a_day_runs_once_on_the_nights_that_clocks_change(cron, night):
    zone = ZoneInfo("America/New_York")
    runs = scheduled(cron, zone_of(cron, "America/New_York"), night)
    assert len([run for run in runs if run.astimezone(zone).date() == night]) == 1


@pytest.mark.parametrize("night", [date(2026, 3, 8), date(2026, 11, 1)])
def test_what_runs_every_quarter_of_an_hour_leaves_no_hour_out(night):
    runs = scheduled("*/15 * * * *", zone_of("*/15 * * * *", "America/New_York"), night)
    begin = datetime(night.year, night.month, night.day, tzinfo=UTC)
    assert {begin + timedelta(minutes=15 * count) for count in range(4 * 24)} <= runs
    assert {run.minute for run in runs} == {0, 15, 30, 45}


def scheduled(cron: str, timezone: str, night: date) -> set[datetime]:
    """When Prefect would run something, asked again every two hours of the day before and of that date."""
    asked = CronSchedule(cron=cron, timezone=timezone)
    begin = datetime(night.year, night.month, night.day, tzinfo=UTC)
    found: set[datetime] = set()
    for hours in range(-24, 36, 2):
        at = begin + timedelta(hours=hours)
        dates = asyncio.run(asked.get_dates(400, start=at, end=at + timedelta(hours=30)))
        found |= {datetime.fromtimestamp(run.timestamp(), UTC) for run in dates}
    return found


def test_prefect_yaml_describes_the_deployments_that_serve_runs(tmp_path):
    written = {found["name"]: found for found in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    assert written.keys() == {found.name for found in DEPLOYMENTS}
    settings = settings_in(tmp_path)
    for found in DEPLOYMENTS:
        asked = written[found.name]
        kept = schedule(settings, found)
        assert asked.get("schedules", []) == ([{"cron": kept.cron, "timezone": kept.timezone}] if kept else [])
        assert asked["entrypoint"] == found.entrypoint
        assert asked["tags"] == list(found.tags)
        assert asked["description"].strip() == found.description
        assert asked["concurrency_limit"] == {"limit": 1, "collision_strategy": limit(found).collision_strategy.value}


@pytest.mark.campaign
@pytest.mark.timeout(180)
def test_serve_runs_a_deployment_on_a_server_of_its_own_and_its_page_says_what_happened(tmp_path):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15))), message("tm/v1/t1/d1/pos", b"no json")])
    serving, url = served(tmp_path)
    try:
        deployment = eventually_asked(f"{url}/api/deployments/name/odograph-refresh/refresh")
        run = eventually_asked(f"{url}/api/deployments/{deployment['id']}/create_flow_run", {})
        give_up = time.monotonic() + 150
        while (ended := eventually_asked(f"{url}/api/flow_runs/{run['id']}"))["state_type"] in UNDER_WAY:
            assert serving.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.5)
        assert ended["state_type"] == "COMPLETED"
        assert re.fullmatch(r"refresh \d\d:\d\d", ended["name"])
        asked = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        shown = {found["key"]: found for found in eventually_asked(f"{url}/api/artifacts/filter", asked)}
        assert "16 positions" in shown["refresh-summary"]["data"]
        assert json.loads(shown["refresh-rejects"]["data"])[0]["reason"] == "not_json"
        assert next(found["positions"] for found in json.loads(shown["refresh-rebuilt"]["data"])) == 16
        assert shown["refresh-progress"]["data"] == 100
        assert str(settings.published_path) in shown["published-copy"]["data"]
        assert published(settings, "select idle_s from marts.vehicle_days").item() == 540
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0


def test_serve_has_a_server_with_its_deployments_which_ends_with_it_also_when_it_is_killed(tmp_path):
    serving, url = served(tmp_path)
    deployment = eventually_asked(f"{url}/api/deployments/name/odograph-refresh/refresh")
    assert deployment["schedules"][0]["schedule"]["cron"] == "0 3 1 1 *"
    assert deployment["version"] == version("odograph")
    day = deployment["parameter_openapi_schema"]["properties"]["day"]
    assert (day["anyOf"][0], day["description"][:7]) == ({"format": "date", "type": "string"}, "Rebuild")
    serving.kill()
    serving.wait()

    def is_gone() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0

    assert eventually(is_gone)


def served(data_dir: Path) -> tuple[subprocess.Popen[str], str]:
    """`odograph serve`, and where its Prefect server is."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "flows", "serve"],
        cwd=ROOT,
        env=environment(data_dir, ODOGRAPH_REFRESH_CRON="0 3 1 1 *"),  # a scheduled run would have ours cancelled
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    return serving, re.search(r"http://[\d.:]+", serving.stderr.readline()).group()


def eventually_asked(url: str, body: dict | None = None) -> dict:
    """Ask the Prefect API until it answers."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    give_up = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            assert time.monotonic() < give_up
            time.sleep(0.5)
