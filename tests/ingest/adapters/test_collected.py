"""Foreign topics through a real broker and a real collector."""

import json
import time
from pathlib import Path

from ingest.adapters.sources import read_sources
from ingest.broker import MosquittoChild
from ingest.collector import main
from ingest.decode import decode
from ingest.outbox import Outgoing, publish_all
from ingest.received import received_messages
from ingest.settings import IngestSettings
from ingest.spool import read_segment, sealed_segments
from tests.ingest.running import CollectorProcess, eventually
from tests.ingest.test_arrow_points import stream

MAPPING = """
[[source]]
name = "acme"
topics = ["acme/{customer}/{device}/gps"]
tenant = "{customer}"
time = { path = "t", format = "epoch_s" }
fields = { lat = "lat", lon = "lon", spd_kmh = { path = "v", unit = "mph" } }
"""


def publish(url: str, *messages: Outgoing) -> None:
    sent = publish_all(messages, url=url, client_id="tracker", receipts=False, clean_session=True)
    assert sent.unconfirmed == 0


def _unsealed(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*.open"))


def test_a_topic_of_a_mapping_is_collected_and_a_live_message_does_not_look_retained(
    mosquitto: MosquittoChild, tmp_path: Path
):
    data_dir = tmp_path / "data"
    (data_dir / "mappings").mkdir(parents=True)
    (data_dir / "mappings" / "acme.toml").write_text(MAPPING)
    now_s = time.time()
    stored = Outgoing(0, "acme/north/v0/gps", json.dumps({"t": now_s, "lat": 1, "lon": 2}).encode(), retain=True)
    live = Outgoing(0, "acme/north/v1/gps", json.dumps({"t": now_s, "lat": 1, "lon": 2, "v": 10}).encode(), retain=True)
    columns = {"ts": [now_s - 1], "lat": [1.0], "lon": [2.0]}
    batch = Outgoing(0, "tm/v1/north/v2/pos", stream(columns), content_type="application/vnd.apache.arrow.stream")
    publish(mosquitto.url, stored)
    collector = CollectorProcess(data_dir, mosquitto.url).start()
    publish(mosquitto.url, live, batch, Outgoing(0, "acme/north/v1/other", b"{}"))
    wanted = [message.topic.encode() for message in (live, batch)]
    assert eventually(lambda: all(topic in _unsealed(collector.spool_folder) for topic in wanted))
    assert collector.stop() == 0
    sources = read_sources(IngestSettings.read(data_dir=data_dir, _env_file=None))
    (segment,) = sealed_segments(collector.spool_folder)
    result = decode(
        received_messages(read_segment(segment.path), "s", segment.number), max_age_days=30, sources=sources
    )
    found = {(row["tenant_id"], row["device_id"], row["source_format"]) for row in result.positions.to_pylist()}
    assert found == {("north", "v1", "acme"), ("north", "v2", "arrow")}
    assert result.rejects["reason"].to_pylist() == ["retained_position"]


def test_a_collector_with_a_bad_mapping_does_not_start_and_says_why(tmp_path, monkeypatch, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text(MAPPING.replace('unit = "mph"', 'unit = "furlongs"'))
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ODOGRAPH_MAPPINGS", str(bad))
    assert main() == 2
    assert 'bad.toml: source "acme": fields.spd_kmh: unit is needed' in capsys.readouterr().err
