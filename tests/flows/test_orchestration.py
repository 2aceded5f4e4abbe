"""The line runs without Prefect, and with it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import collected, golden_points, positions, published, settings_in, yesterday_at

ROOT = Path(__file__).parents[2]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"ODOGRAPH_DATA_DIR": str(data_dir)} | more


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


def test_the_day_before_is_taken_in_the_zone_of_the_report():
    from pydantic_extra_types.pendulum_dt import DateTime

    from flows.deployments import day_before

    evening = DateTime(2026, 11, 21, 2, 26, tzinfo=UTC)  # 21:26 on the 20th in New York
    assert str(day_before(evening, "America/New_York")) == "2026-11-19"
    assert str(day_before(datetime(2026, 11, 21, 11, 0, tzinfo=UTC), "America/New_York")) == "2026-11-20"


@pytest.mark.timeout(180)
def test_serve_runs_a_deployment_on_a_server_of_its_own(tmp_path):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    serving = subprocess.Popen(
        [sys.executable, "-m", "flows", "serve"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stderr is not None
        url = re.search(r"http://[\d.:]+", serving.stderr.readline()).group()
        deployment = eventually_asked(f"{url}/api/deployments/name/odograph-refresh/scheduled")
        assert deployment["schedules"][0]["schedule"]["cron"] == "*/15 * * * *"
        eventually_asked(f"{url}/api/deployments/{deployment['id']}/create_flow_run", {})
        give_up = time.monotonic() + 100
        while not settings.published_path.exists() and time.monotonic() < give_up:
            assert serving.poll() is None
            time.sleep(0.5)
        assert published(settings, "select idle_s from marts.vehicle_days").item() == 540
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0


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
