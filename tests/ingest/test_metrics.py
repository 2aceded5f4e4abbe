"""The metrics page says what the collector did, and nothing on it grows with the fleet."""

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from ingest.collector import run
from ingest.health import read_health
from ingest.meter import FLUSH_BUCKETS_S, Meter, percentile_bound_s, topic_kind
from ingest.open_segment import Message, message_batch
from ingest.settings import IngestSettings
from ingest.spool import flush_to_disk
from tests.ingest.fake_broker import FakeBroker
from tests.ingest.metrics_page import served
from tests.ingest.running import eventually, point_message

TOPIC = "tm/v1/acme/van-1/pos"


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


def test_the_page_counts_what_came_what_is_on_disk_and_what_was_acknowledged(tmp_path, fake_broker):
    point = point_message(1).payload
    messages = [
        (1, TOPIC, point),
        (2, TOPIC, point),
        (3, "fc/v1/acme/wex/txn", b"{}"),
        (4, "owntracks/jane/phone", b"12345"),
        (5, "350000000000001/data", b"1"),
    ]
    with served(tmp_path, fake_broker.url) as page:
        fake_broker.send(messages)
        assert eventually(lambda: len(fake_broker.acknowledged) == 5)
        assert eventually(lambda: page["segments_sealed_total"] > 0)
        assert eventually(lambda: page["receipts_published_total"] == 1)
        values = page.values()
    received = {name: value for name, value in values.items() if name.startswith("odograph_messages_received_total")}
    assert received == {
        "odograph_messages_received_total tm pos": 2,
        "odograph_messages_received_total fc txn": 1,
        "odograph_messages_received_total foreign owntracks": 1,
        "odograph_messages_received_total foreign other": 1,
    }
    assert values["odograph_received_bytes_total tm pos"] == 2 * len(point)
    assert values["odograph_messages_acknowledged_total"] == 5
    assert values["odograph_fsync_seconds_count"] == values["odograph_group_commits_total"] >= 1
    assert values["odograph_spool_written_bytes_total"] > 2 * len(point)
    assert values["odograph_inbox_messages"] == values["odograph_inbox_bytes"] == 0
    assert values["odograph_broker_connected"] == values["odograph_spool_writable"] == 1
    assert values["odograph_unsealed_age_seconds"] == 0
    assert values["odograph_last_message_timestamp_seconds"] == pytest.approx(
        values["process_start_time_seconds"], abs=3600
    )
    assert any(name.endswith(" main 5 0.1.0") for name in values if name.startswith("odograph_collector_info"))


def test_a_full_disk_and_a_lost_connection_show_on_the_page_and_in_the_note(tmp_path, fake_broker, monkeypatch):
    monkeypatch.setattr("ingest.collector.RETRY_S", 0.2)
    note = tmp_path / "spool" / "main"
    is_full = threading.Event()
    is_full.set()

    def sync(descriptor: int) -> None:
        if is_full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        flush_to_disk(descriptor)

    with served(tmp_path, fake_broker.url, sync) as page:
        fake_broker.send([(1, TOPIC, b"{}")])
        assert eventually(lambda: page["spool_writable"] == 0)
        assert page["spool_write_failures_total"] >= 1
        assert read_health(note).write_error == "[Errno 28] No space left on device"
        assert (page["inbox_messages"], page["messages_acknowledged_total"]) == (1, 0)
        is_full.clear()
        assert eventually(lambda: page["spool_writable"] == 1)
        assert eventually(lambda: (page["inbox_messages"], page["messages_acknowledged_total"]) == (0, 1))
        assert eventually(lambda: read_health(note).write_error is None)
        fake_broker.drop_client()
        assert eventually(lambda: page["broker_reconnects_total"] == 1)


def test_a_port_that_is_taken_ends_the_collector_with_one_line(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(IngestSettings.read(_env_file=None, data_dir=tmp_path, metrics_port=port)) == 1
    assert capsys.readouterr().err == (
        f"MetricsNotServed: no metrics on 127.0.0.1:{port} (ODOGRAPH_METRICS_PORT): Address already in use\n"
    )


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (TOPIC, ("tm", "pos")),
        ("rt/v1/acme/depot-1/plan", ("rt", "plan")),
        ("tm/v1/acme/van-1/surprise", ("foreign", "other")),
        ("pos", ("foreign", "other")),
        ("", ("foreign", "other")),
        ("traccar/positions", ("foreign", "traccar")),
        ("/hfp/v1/journey/ongoing/bus/22/1/x", ("foreign", "hfp")),
        ("/anything/report", ("foreign", "other")),
    ],
)
def test_a_topic_is_of_one_of_a_few_kinds(topic, kind):
    assert topic_kind(topic) == kind


def test_there_are_no_more_series_for_a_thousand_vans_than_for_one():
    meter = Meter()
    names = [f"van-{number}" for number in range(1000)]
    topics = [f"{first}/{last}" for name in names for first, last in (("tm/v1/acme", f"{name}/pos"), (name, "data"))]
    meter.count(message_batch([Message(topic, b"{}", 1, 1, False, None) for topic in topics]))
    assert meter.message_counts == {("tm", "pos"): 1000, ("foreign", "other"): 1000}


def test_a_percentile_is_bounded_by_the_bucket_it_falls_into():
    counts = [0] * (len(FLUSH_BUCKETS_S) + 1)
    assert percentile_bound_s(counts, 0.95) is None
    counts[1] = 95
    counts[4] = 5
    assert percentile_bound_s(counts, 0.95) == FLUSH_BUCKETS_S[1]
    counts[4] = 6
    assert percentile_bound_s(counts, 0.95) == FLUSH_BUCKETS_S[4]
    counts[-1] = 100
    assert percentile_bound_s(counts, 0.95) == float("inf")
