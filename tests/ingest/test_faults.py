"""What becomes of the collector when the network, the broker or the clock fails? Nothing is lost, and it comes back."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from flows.bench.collectors.network import Network
from ingest.collector import collect
from ingest.connection import FIRST_BACKOFF_S, LAST_BACKOFF_S, next_backoff_s
from ingest.health import read_health
from ingest.outbox import Outgoing, publish_all
from ingest.self_report import ClockWatch
from ingest.settings import IngestSettings
from tests.ingest.fake_broker import FakeBroker
from tests.ingest.running import eventually, point_message, spooled, spooled_seqs

TOPIC = "tm/v1/acme/van-1/pos"


@pytest.fixture
def network(mosquitto) -> Iterator[Network]:
    made = Network(mosquitto.port)
    yield made
    made.close()


@contextmanager
def collecting(tmp_path: Path, url: str, **how: object) -> Iterator[Path]:
    """Run the collector on a thread until the block ends; yield its spool folder once it listens."""
    settings = IngestSettings.read(data_dir=tmp_path / "data", broker_url=url, seal_s=0.2, _env_file=None)
    stopping = threading.Event()
    thread = threading.Thread(target=collect, args=(settings, stopping), kwargs=how)
    thread.start()
    folder = settings.spool_dir / settings.collector
    try:
        assert eventually(lambda: is_connected(folder))
        yield folder
    finally:
        stopping.set()
        thread.join(20)
        assert not thread.is_alive()


def is_connected(folder: Path) -> bool:
    health = read_health(folder)
    return health is not None and health.disconnected_s == 0


def publish(url: str, seqs: range, **how: object) -> None:
    """Publish without receipts, so that what the broker took is sent once only and must reach the spool from there."""
    how = {"receipts": False, "clean_session": True} | how
    sent = publish_all([point_message(seq) for seq in seqs], url=url, client_id="vans", **how)
    assert sent.unconfirmed == 0


def all_kept(folder: Path, count: int) -> Callable[[], bool]:
    return lambda: set(spooled_seqs(folder)) == set(range(count))


def test_a_network_that_is_cut_again_and_again_loses_nothing(tmp_path, mosquitto, network):
    with collecting(tmp_path, network.url) as folder:
        for part in range(3):
            publish(mosquitto.url, range(part * 200, part * 200 + 200))
            network.cut()
        assert eventually(all_kept(folder, 600))
    assert network.connection_count >= 2
    assert read_health(folder).reconnect_count >= 1


def test_a_connection_gone_silent_is_found_and_what_it_swallowed_comes_again(tmp_path, mosquitto, network):
    with collecting(tmp_path, network.url, keepalive_s=1) as folder:
        publish(mosquitto.url, range(50))
        assert eventually(all_kept(folder, 50))
        network.go_silent()
        publish(mosquitto.url, range(50, 100))
        assert eventually(all_kept(folder, 100))
    assert network.connection_count == 2


def test_a_session_taken_over_by_another_client_of_our_id_is_won_back_and_nothing_is_lost(tmp_path, mosquitto):
    with collecting(tmp_path, mosquitto.url) as folder:
        thief = Client(CallbackAPIVersion.VERSION2, "odograph-main", protocol=MQTTProtocolVersion.MQTTv5)
        thief.connect("127.0.0.1", mosquitto.port, clean_start=True)  # our session and its queue are gone
        thief.loop_start()
        publish(mosquitto.url, range(100), receipts=True, resend_s=0.3)
        thief.loop_stop()
        assert eventually(all_kept(folder, 100))


@pytest.mark.parametrize("says_why", [True, False])
def test_two_clients_that_throw_each_other_out_do_not_spin(tmp_path, caplog, says_why):
    broker = SnubbingBroker()
    broker.says_why = says_why
    settings = IngestSettings.read(data_dir=tmp_path, broker_url=broker.url, _env_file=None)
    stopping = threading.Event()
    thread = threading.Thread(target=collect, args=(settings, stopping))
    thread.start()
    time.sleep(0.5)
    stopping.set()
    thread.join(10)
    broker.close()
    assert 2 <= broker.snub_count <= 3
    assert any("another client came as odograph-main" in line for line in caplog.messages) == says_why
    assert not any("3.1.1" in line for line in caplog.messages), "it took us, so it speaks MQTT 5"


class SnubbingBroker(FakeBroker):
    """Takes a client, and throws it out at once."""

    snub_count = 0
    says_why = True

    def _talk(self, client) -> None:
        client.recv(4096)
        self.snub_count += 1
        client.sendall(b"\x20\x03\x00\x00\x00")
        if self.says_why:
            client.recv(4096)
            client.sendall(b"\xe0\x01\x8e")
            while client.recv(4096):
                pass  # to close on what is unread would take the reason away with it
        client.close()


def test_a_broker_that_is_away_is_asked_less_and_less_often_but_at_least_every_half_minute():
    waits = [FIRST_BACKOFF_S]
    while sum(waits) < 600:
        waits.append(next_backoff_s(waits[-1]))
    assert waits == sorted(waits)
    assert max(waits) == LAST_BACKOFF_S == 30
    assert len(waits) < 30


def test_a_broker_away_for_longer_than_the_longest_pause_is_found_again(tmp_path, mosquitto, caplog, monkeypatch):
    monkeypatch.setattr("ingest.connection.LAST_BACKOFF_S", 0.3)
    with collecting(tmp_path, mosquitto.url) as folder:
        publish(mosquitto.url, range(50))
        mosquitto.kill()
        assert eventually(lambda: len([line for line in caplog.messages if "next try in 0.3 s" in line]) >= 2)
        assert not is_connected(folder)
        mosquitto.start()
        publish(mosquitto.url, range(50, 100), receipts=True, resend_s=0.3)
        assert eventually(all_kept(folder, 100))


class SetClock:
    """A wall clock that somebody sets."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> int:
        return time.time_ns() + int(self.offset_s * 1e9)


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0])
def test_a_clock_that_jumps_is_told_and_holds_up_neither_commits_nor_sealing(tmp_path, fake_broker, caplog, jump_s):
    clock = SetClock()
    with collecting(tmp_path, fake_broker.url, wall_ns=clock) as folder:
        fake_broker.send([(1, TOPIC, point_message(0).payload)])
        assert eventually(lambda: fake_broker.acknowledged == [1])
        clock.offset_s = jump_s
        assert eventually(lambda: any(f"the clock jumped by {jump_s:+.0f} s" in line for line in caplog.messages))
        fake_broker.send([(2, TOPIC, point_message(1).payload)])
        assert eventually(lambda: fake_broker.acknowledged == [1, 2])
        assert eventually(lambda: spooled_seqs(folder) == [0, 1])  # sealed while it runs
    first, second = spooled(folder)
    assert second.received_us - first.received_us == pytest.approx(jump_s * 1e6, abs=10e6)


def test_a_clock_that_is_slewed_by_less_than_a_minute_is_no_jump():
    clock = SetClock()
    watch = ClockWatch(clock)
    clock.offset_s = 55
    assert not watch.has_jumped()
    clock.offset_s = 65
    assert watch.has_jumped()
    assert not watch.has_jumped()


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


def test_whatever_bytes_come_are_in_the_spool_as_they_came(tmp_path, mosquitto):
    rng = random.Random(4)
    sent = [Outgoing(0, random_topic(rng), rng.randbytes(rng.choice((0, 1, 30, 300, 3000)))) for _ in range(2_000)]
    with collecting(tmp_path, mosquitto.url) as folder:
        assert publish_all(sent, url=mosquitto.url, client_id="fuzz", receipts=True, resend_s=30).unconfirmed == 0
        assert eventually(lambda: len(spooled(folder)) >= len(sent))
    assert Counter((kept.topic, kept.payload) for kept in spooled(folder)) == Counter(
        (out.topic, out.payload) for out in sent
    )


def random_topic(rng: random.Random) -> str:
    """A topic the collector is subscribed to; its tenant and sender are anything a broker lets through."""
    tenant, sender = (random_level(rng) for _ in range(2))
    kind = rng.choice(["tm/v1/{}/{}/pos", "tm/v1/{}/{}/his", "fc/v1/{}/{}/txn", "rt/v1/{}/{}/plan", "owntracks/{}/{}"])
    return kind.format(tenant, sender)


def random_level(rng: random.Random) -> str:
    characters = [chr(rng.choice((rng.randint(0x20, 0x7E), rng.randint(0xA1, 0x2FFF), 0x1F69A))) for _ in range(12)]
    return "".join(found for found in characters if found not in "+#/{}$") or "x"
