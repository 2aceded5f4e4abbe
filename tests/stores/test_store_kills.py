"""Shippers and loaders are killed at any moment, again and again; every message is in the lake once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.columns import POSITIONS
from ingest.lake import load_spool, opened_table
from ingest.reached import segments_reached
from ingest.shipping import ship, unshipped
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at

ROOT = Path(__file__).parents[2]
KILLS = 4
SEGMENTS = 10  # before each kill
SHIP = "from ingest.shipping import ship; work = lambda: ship(settings, settings.spool_dir / 'main')"
LOAD = (
    "import ingest.groups; ingest.groups.GROUP_SEGMENTS = 1; from ingest.lake import load_spool;"
    " work = lambda: load_spool(settings)"
)
FOR_EVER = "\nprint('ready', flush=True)\nwhile True:\n    work()"


def started(settings, work: str) -> subprocess.Popen[str]:
    code = f"from ingest.settings import IngestSettings; settings = IngestSettings.read(); {work}{FOR_EVER}"
    given = {
        "ODOGRAPH_DATA_DIR": str(settings.data_dir),
        "ODOGRAPH_LAKE_URL": str(settings.lake_url),
        "ODOGRAPH_SPOOL_URL": str(settings.spool_url),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | given, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.campaign
def test_kills_of_shippers_and_loaders_lose_nothing_and_double_nothing(tmp_path, bucket):
    chance = random.Random(9)
    given = {"lake_url": f"{bucket}/lake", "spool_url": f"{bucket}/spool"}
    collecting, loading = (settings_in(tmp_path / name, **given) for name in ("collecting", "loading"))
    sent = 0
    for work, settings in [(SHIP, collecting), (LOAD, loading)] * KILLS:
        for _ in range(SEGMENTS):
            sent += 1
            points = golden_points(yesterday_at(0) + sent)
            collected(collecting, [positions(points, f"d{sent}")])
        if work == LOAD:
            ship(collecting, collecting.spool_dir / "main")
        process = started(settings, work)
        time.sleep(chance.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        print(f"{len(unshipped(collecting.spool_dir / 'main'))} of {sent} segments not shipped")
    ship(collecting, collecting.spool_dir / "main")
    load_spool(loading)
    spool_id = (collecting.spool_dir / "main" / "id").read_text()
    assert segments_reached(loading)(spool_id) == sent
    devices = opened_table(POSITIONS, loading).to_pyarrow_table(columns=["device_id"])["device_id"].to_pylist()
    assert {device: devices.count(device) for device in set(devices)} == {
        f"d{number}": len(golden_points(0)) for number in range(1, sent + 1)
    }
