"""The whole line with a real broker of each kind and a collector in a process of its own."""

import json
import random
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pyarrow.parquet as pq
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from flows.demo import run_demo
from flows.refresh import refresh
from ingest.broker import embedded_broker
from ingest.outbox import Outgoing, publish_all
from tests.builders import golden_points, published, settings_in, yesterday_at
from tests.ingest.conftest import require_mosquitto
from tests.ingest.running import CollectorProcess

pytestmark = pytest.mark.whole_line


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request, tmp_path):
    if request.param == "mosquitto":
        require_mosquitto()
    with embedded_broker(tmp_path / "broker", prefer=request.param) as running:
        yield running


@pytest.fixture
def line(tmp_path, broker):
    """Settings of a line whose collector runs on the broker."""
    settings = settings_in(tmp_path / "data", broker_url=broker.url, clean_session=broker.clean_session)
    collector = CollectorProcess(settings.data_dir, broker.url, clean_session=broker.clean_session)
    yield settings, collector.start()
    if collector.is_running:
        collector.kill()


def native(points: list[dict], device: str = "d1") -> bytes:
    return json.dumps({"v": 1, "dev": device, "boot": 1, "pts": points}).encode()


def test_the_golden_trace_from_any_mqtt_client(line, broker):
    settings, collector = line
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    host, port = broker.url.removeprefix("mqtt://").split("?")[0].split(":")
    client.connect(host, int(port))
    client.loop_start()
    points = golden_points(yesterday_at(15))
    random.Random(1).shuffle(points)
    for point in points + points[:5]:
        client.publish("tm/v1/t1/d1/pos", native([point]), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    wait_for_messages(settings.spool_dir, len(points) + 5)
    collector.stop()
    refresh(settings)
    day = published(settings, "from marts.vehicle_days").row(0, named=True)
    assert [day[name] for name in ("off_s", "idle_s", "drive_s", "unknown_s")] == [180, 540, 120, 460]
    assert published(settings, "select duration_s from marts.idle_events order by 1")["duration_s"].to_list() == [
        120,
        180,
        240,
    ]


@pytest.mark.parametrize(
    ("broker", "is_long"),
    [
        ("mosquitto", False),
        pytest.param("amqtt", False, marks=pytest.mark.campaign),
        pytest.param("mosquitto", True, marks=pytest.mark.campaign),
        pytest.param("amqtt", True, marks=pytest.mark.campaign),
    ],
    indirect=["broker"],
)
def test_a_collector_killed_again_and_again_loses_and_doubles_nothing(line, broker, is_long):
    settings, collector = line
    start_s = yesterday_at(6)
    count, kill_count = (6_000, 12) if is_long and broker.kind == "mosquitto" else (2_500, 4) if is_long else (1_500, 3)
    messages = [
        Outgoing(
            round(number * 2_000),  # 500 a second
            "tm/v1/t1/d1/pos",
            native([{"ts": start_s + number, "seq": number, "lat": 40.7, "lon": -74.0, "ign": True}]),
        )
        for number in range(count)
    ]
    finished = threading.Event()
    kills = []

    def kill_at_random_instants() -> None:
        instants = random.Random(2)
        while len(kills) < kill_count and not finished.wait(instants.uniform(0.1, 0.9)):
            collector.kill()
            kills.append(time.monotonic())
            collector.start(wait=False)

    killer = threading.Thread(target=kill_at_random_instants)
    killer.start()
    try:
        sent = publish_all(
            messages,
            url=broker.url,
            client_id="vans",
            speed=1.0,
            clean_session=broker.clean_session,
            resend_s=2,
        )
    finally:
        finished.set()
        killer.join()
    assert (sent.unconfirmed, len(kills)) == (0, kill_count)
    collector.stop()
    refresh(settings)
    found = published(settings, "select count(*), count(distinct seq), min(seq), max(seq) from lake.positions").row(0)
    assert found == (count, count, 0, count - 1)


@pytest.mark.campaign
def test_the_demo_holds_against_its_truth(tmp_path, capsys):
    settings = settings_in(tmp_path / "data")
    assert run_demo(settings, vans=6, seed=3)
    printed = capsys.readouterr().out
    assert "FAILS" not in printed
    for name in ("northwind", "capmetro", "hand-offs ≥ 30 s found", "mail written"):
        assert name in printed
    assert published(settings, "select count(*) from lake.positions where tenant_id = 'capmetro'").item() == 32_038
    assert next(settings.mail_dir.glob("*.eml")).stat().st_size > 20_000


def wait_for_messages(spool_dir: Path, count: int) -> None:
    """Wait until the collector has sealed that many messages."""
    give_up, sealed = time.monotonic() + 30, 0
    while time.monotonic() < give_up:
        sealed = sum(pq.read_metadata(path).num_rows for path in spool_dir.glob("*/*.parquet"))
        if sealed >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{sealed} of {count} messages sealed")
