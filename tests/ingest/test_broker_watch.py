"""What the collector says about a broker that would lose messages while it is away."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.broker import MosquittoChild, find_mosquitto
from ingest.broker_watch import BrokerWatch, Granted, queue_doubts, read_conf
from ingest.outbox import publish_all
from ingest.topics import DROPPED_TOPIC, VERSION_TOPIC
from tests.ingest.conftest import require_mosquitto
from tests.ingest.running import eventually, point_message

WEEK_S = 7 * 86_400
V5 = Granted(is_v5=True)


class MosquittoByDefault(MosquittoChild):
    """mosquitto as it comes, apart from where it listens and how often it counts."""

    def command(self) -> list[str]:
        path = self.folder / "default.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n")
        program = find_mosquitto()
        assert program is not None
        return [program, "-c", str(path)]


@pytest.fixture
def default_mosquitto(tmp_path: Path) -> Iterator[MosquittoByDefault]:
    require_mosquitto()
    with MosquittoByDefault(tmp_path / "broker") as child:
        yield child


def watch(**more: object) -> BrokerWatch:
    return BrokerWatch(session_expiry_s=WEEK_S, **more)


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if "WARNING" in line and "broker_watch" in line]


def test_a_mosquitto_as_it_comes_is_warned_of_and_what_it_drops_is_counted(default_mosquitto, collector_on):
    collector = collector_on(default_mosquitto.url).start()
    assert eventually(lambda: any("default queue" in line for line in warnings(collector.log)))
    collector.stop()
    sent = publish_all(
        [point_message(seq) for seq in range(1_300)], url=default_mosquitto.url, client_id="vans", receipts=False
    )
    assert sent.unconfirmed == 0, "the broker acknowledges what it drops"
    time.sleep(1.2)
    collector.start()
    assert eventually(lambda: any(" 300 in all" in line for line in warnings(collector.log)))


def test_the_broker_we_start_gives_no_reason_to_warn(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    assert eventually(lambda: any("mosquitto version" in line for line in collector.log))
    assert warnings(collector.log) == []
    assert queue_doubts(read_conf(mosquitto.folder / "broker.conf"), WEEK_S) == []


def judged(caplog: pytest.LogCaptureFixture, found: BrokerWatch, granted: Granted, version: str | None = None) -> str:
    caplog.set_level("INFO")
    caplog.clear()
    found.connected(granted)
    if version is not None:
        found.heard(VERSION_TOPIC, version.encode())
    else:
        found._judge_s = 0  # its time is up
    found.turn()
    return "\n".join(f"{record.levelname} {record.message}" for record in caplog.records)


def test_a_session_that_is_shorter_than_asked_is_warned_of(caplog):
    two_hours, week = V5._replace(session_expiry_s=7200), V5._replace(session_expiry_s=WEEK_S)
    assert "WARNING the broker keeps our session for 7200 s" in judged(caplog, watch(), two_hours)
    assert "keeps our session" not in judged(caplog, watch(), week)


def test_a_broker_that_takes_small_packets_only_is_warned_of(caplog):
    assert "larger messages never reach us" in judged(caplog, watch(), V5._replace(maximum_packet_bytes=65_536))
    assert "larger messages" not in judged(caplog, watch(), V5._replace(maximum_packet_bytes=1 << 20))


def test_what_could_not_be_learned_is_said_and_is_no_warning(caplog):
    assert judged(caplog, watch(), V5).startswith("INFO the broker does not say what it is")
    assert judged(caplog, watch(), V5, "EMQX 5").startswith("INFO EMQX 5: could not learn")
    assert judged(caplog, watch(), V5._replace(receive_maximum=500), "mosquitto version 2").startswith("INFO mosquitto")


def test_the_same_doubt_is_said_once(caplog):
    found = watch()
    assert judged(caplog, found, V5) != ""
    assert judged(caplog, found, V5) == ""


def test_a_clean_session_holds_nothing(caplog):
    assert "holds nothing" in judged(caplog, watch(clean_session=True), V5, "mosquitto version 2.0.11")


def test_drops_are_counted_from_the_start_of_the_broker(caplog):
    found = watch()
    for count, said in (
        (0, ""),
        (5, "dropped 5 messages, 5 in all"),
        (5, ""),
        (7, "2 messages, 7 in all"),
        (1, "1 mes"),
    ):
        caplog.clear()
        found.heard(DROPPED_TOPIC, str(count).encode())
        assert said in caplog.text
        assert bool(caplog.records) == bool(said)
    found.heard(DROPPED_TOPIC, b"many")


GOOD = {
    "max_queued_messages": "0",
    "persistence": "true",
    "autosave_interval": "5",
    "persistent_client_expiration": "14d",
}


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({}, None),
        ({"max_queued_messages": "2000000000"}, None),
        ({"max_queued_messages": "5000"}, "after 5000 messages"),
        ({"max_queued_bytes": "100000"}, "after 100000 bytes"),
        ({"max_queued_bytes": "0"}, None),
        ({"persistence": "false"}, "forgets its queues"),
        ({"autosave_interval": "1800"}, "every 1800 s"),
        ({"autosave_interval": "0"}, "every 0 s"),
        ({"autosave_interval": "1800", "autosave_on_changes": "true"}, None),
        ({"persistent_client_expiration": "2d"}, "shorter than the session"),
        ({"persistent_client_expiration": "1w"}, None),
    ],
)
def test_a_configuration_that_would_lose_messages_is_doubted(change, doubt):
    found = queue_doubts(GOOD | change, WEEK_S)
    assert len(found) == (doubt is not None)
    assert doubt is None or doubt in found[0]


def test_the_defaults_of_mosquitto_are_doubted():
    assert [doubt.split()[0] for doubt in queue_doubts({}, WEEK_S)] == ["after", "it"]


def test_a_configuration_is_read_with_what_it_includes(tmp_path, caplog):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "queue.conf").write_text("max_queued_messages 7\n")
    path = tmp_path / "mosquitto.conf"
    path.write_text(f"# max_queued_messages 3\nmax_queued_messages 0\n\ninclude_dir {tmp_path / 'more'}\n")
    assert read_conf(path) == {"max_queued_messages": "7"}
    assert "after 7 messages it drops" in judged(caplog, watch(conf=path), V5)
    assert "No such file" in judged(caplog, watch(conf=tmp_path / "none"), V5)
