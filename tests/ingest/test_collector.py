import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.client import MQTT311, BrokerAddress, broker_address
from ingest.collector import collect, run
from ingest.intake import Arrival, Inbox
from ingest.open_segment import whole_part
from ingest.outbox import Outgoing, publish_all
from ingest.settings import IngestSettings
from ingest.spool import Message, flush_to_disk
from tests.ingest.fake_broker import FakeBroker
from tests.ingest.running import eventually, point_message, spooled, spooled_seqs

TOPIC = "tm/v1/acme/van-1/pos"


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.close()


def settings_for(tmp_path: Path, url: str, **more: object) -> IngestSettings:
    return IngestSettings.read(data_dir=tmp_path / "data", broker_url=url, _env_file=None, **more)


@contextmanager
def collecting(settings: IngestSettings, sync: Callable[[int], None] = flush_to_disk) -> Iterator[Path]:
    """Run the collector on a thread; yield its spool folder."""
    stopping = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            collect(settings, stopping, sync=sync)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield settings.spool_dir / settings.collector
    finally:
        stopping.set()
        thread.join(20)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def publish(url: str, *messages: Outgoing) -> None:
    sent = publish_all(messages, url=url, client_id="test-publisher", receipts=False, clean_session=True)
    assert sent.unconfirmed == 0


class SlowDisk:
    """A disk whose flush waits until it is let go."""

    def __init__(self) -> None:
        self.may_flush = threading.Event()
        self.is_flushing = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.is_flushing.set()
        assert self.may_flush.wait(20)
        flush_to_disk(descriptor)


def test_nothing_is_acknowledged_before_it_is_on_disk_and_then_in_order(tmp_path, fake_broker):
    disk = SlowDisk()
    packet_ids = [7, 3, 65_535, 1, 20]
    with collecting(settings_for(tmp_path, fake_broker.url), disk.sync) as folder:
        fake_broker.send([(packet_id, TOPIC, b"{}") for packet_id in packet_ids])
        assert disk.is_flushing.wait(5)
        time.sleep(0.3)
        assert fake_broker.acknowledged == []
        disk.may_flush.set()
        assert eventually(lambda: len(fake_broker.acknowledged) == 5)
        assert fake_broker.acknowledged == packet_ids
    assert len(spooled(folder)) == 5


def test_what_an_earlier_connection_brought_is_not_acknowledged_on_a_later_one(tmp_path, fake_broker):
    # Packet id 5 may be another message on the new connection, and that one is not on disk.
    disk = SlowDisk()
    with collecting(settings_for(tmp_path, fake_broker.url), disk.sync):
        fake_broker.send([(5, TOPIC, b"{}")])
        assert disk.is_flushing.wait(5)
        fake_broker.drop_client()
        assert fake_broker.subscribed.wait(10)
        disk.may_flush.set()
        time.sleep(0.3)
        assert fake_broker.acknowledged == []
        fake_broker.send([(6, TOPIC, b"{}")])
        assert eventually(lambda: fake_broker.acknowledged == [6])


def test_a_full_disk_acknowledges_nothing_and_the_collector_goes_on_by_itself(tmp_path, fake_broker, caplog):
    is_full = threading.Event()
    is_full.set()

    def sync(descriptor: int) -> None:
        if is_full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")

    with collecting(settings_for(tmp_path, fake_broker.url), sync) as folder:
        fake_broker.send([(number, TOPIC, b"{}") for number in range(1, 4)])
        time.sleep(2.3)
        assert fake_broker.acknowledged == []
        is_full.clear()
        assert eventually(lambda: fake_broker.acknowledged == [1, 2, 3])
    assert len(spooled(folder)) == 3
    assert [record.message for record in caplog.records if "No space" in record.message] == [
        "cannot write the spool, nothing is acknowledged until this ends: [Errno 28] No space left on device"
    ]


def test_while_the_inbox_is_full_nothing_more_is_read(tmp_path, fake_broker):
    disk = SlowDisk()
    payload = bytes(50_000)
    with collecting(settings_for(tmp_path, fake_broker.url, inbox_mib=1), disk.sync) as folder:
        sender = threading.Thread(
            target=fake_broker.send, args=([(number, TOPIC, payload) for number in range(1, 401)],)
        )
        sender.start()
        assert disk.is_flushing.wait(5)
        sender.join(1)
        assert sender.is_alive()  # 20 MB do not fit into one MiB and the socket's buffers
        disk.may_flush.set()
        assert eventually(lambda: len(fake_broker.acknowledged) == 400)
    assert len(spooled(folder)) == 400


def test_the_inbox_counts_what_is_being_written(tmp_path):
    inbox = Inbox(limit_bytes=1000)
    arrival = Arrival(Message(TOPIC, bytes(900), 0, 1, False, None), 1, 1)
    inbox.put(arrival)
    taken = inbox.take()
    assert taken == [arrival]
    assert not inbox.has_room
    inbox.done(taken)
    assert inbox.has_room


def test_what_does_not_fit_into_one_batch_is_taken_next(monkeypatch):
    monkeypatch.setattr("ingest.intake.MOST_TAKEN_BYTES", 2_000)
    inbox = Inbox(limit_bytes=10_000)
    for packet_id in range(1, 4):
        inbox.put(Arrival(Message(TOPIC, bytes(900), 0, 1, False, None), 1, packet_id))
    assert [arrival.packet_id for arrival in inbox.take()] == [1, 2]
    assert inbox.arrived.is_set()
    assert [arrival.packet_id for arrival in inbox.take()] == [3]
    assert not inbox.arrived.is_set()


def test_the_session_is_durable_and_the_window_wide(tmp_path, fake_broker):
    with collecting(settings_for(tmp_path, fake_broker.url, collector="east")):
        assert fake_broker.subscribed.wait(5)
    packet = fake_broker.connect_packet
    assert packet[6] == 5
    assert packet[7] & 0x02 == 0  # no clean start
    assert b"\x11" + (7 * 86_400).to_bytes(4, "big") in packet  # session expiry
    assert b"\x21\xff\xff" in packet  # receive maximum
    assert packet.endswith(b"odograph-east")


def test_qos_retain_and_content_type_are_kept(tmp_path, mosquitto):
    sent = [
        Outgoing(0, "tm/v1/acme/van-1/pos", b'{"v":1}', qos=0),
        Outgoing(0, "tm/v1/acme/van-1/evt", b'{"v":1}', qos=1, content_type="application/json"),
        Outgoing(0, "rt/v1/acme/north/plan", b"\x00\xff", qos=1, retain=True),
        Outgoing(0, "fc/v1/acme/wex/txn", b"", qos=1, content_type="text/plain"),
        Outgoing(0, "rt/v1/acme/depot-1/plan", b"{}", qos=2),
    ]
    before_us = time.time_ns() // 1000
    with collecting(settings_for(tmp_path, mosquitto.url)) as folder:
        assert eventually(lambda: (folder / "lock").exists())
        time.sleep(0.5)
        publish(mosquitto.url, *sent)
        time.sleep(0.5)
    kept = spooled(folder)
    # At QoS 2 a message would be ours before it is on disk, so it is taken at QoS 1.
    assert [message._replace(received_us=0) for message in kept] == [
        Message(out.topic, out.payload, 0, min(out.qos, 1), out.retain, out.content_type) for out in sent
    ]
    assert all(before_us <= message.received_us <= time.time_ns() // 1000 for message in kept)


def test_a_state_that_the_broker_had_kept_is_told_from_one_that_is_sent_now(tmp_path, mosquitto):
    publish(mosquitto.url, Outgoing(0, "tm/v1/acme/van-1/sta", b"kept", qos=1, retain=True))
    with collecting(settings_for(tmp_path, mosquitto.url)) as folder:
        assert eventually(lambda: (folder / "lock").exists())
        time.sleep(0.5)
        publish(mosquitto.url, Outgoing(0, "tm/v1/acme/van-1/sta", b"live", qos=1, retain=True))
        time.sleep(0.5)
    assert [(message.payload, message.retain) for message in spooled(folder)] == [(b"kept", True), (b"live", False)]


def test_only_the_topics_of_the_contract_are_collected(tmp_path, mosquitto):
    with collecting(settings_for(tmp_path, mosquitto.url)) as folder:
        time.sleep(0.5)
        topics = [
            "owntracks/jane/phone",
            "350000000000001/data",
            "tm/v1/acme/van-1/ack",
            "something/else/entirely",
        ]
        publish(mosquitto.url, *[Outgoing(0, topic, b"{}") for topic in topics])
        time.sleep(0.3)
    assert [message.topic for message in spooled(folder)] == topics[:2]


def test_sigterm_under_load_flushes_acknowledges_and_seals(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    messages = [point_message(seq) for seq in range(10_000)]
    publishing = threading.Thread(target=publish, args=(mosquitto.url, *messages))
    publishing.start()
    assert eventually(lambda: _kept(collector) > 0)
    assert collector.stop() == 0
    assert not list(collector.spool_folder.glob("*.open"))
    first = spooled_seqs(collector.spool_folder)
    publishing.join()
    collector.start()
    assert eventually(lambda: _kept(collector) >= 10_000)
    assert collector.stop() == 0
    kept = spooled_seqs(collector.spool_folder)
    assert 0 < len(first) < 10_000
    assert sorted(kept) == list(range(10_000)), "what was stored was acknowledged, and only the rest came later"


def test_a_second_collector_on_the_same_folder_says_that_the_spool_is_busy(
    mosquitto, collector_on, tmp_path, capsys, monkeypatch
):
    collector_on(mosquitto.url).start()
    monkeypatch.setattr("ingest.collector.LOCK_WAIT_S", 0.2)
    assert run(settings_for(tmp_path, mosquitto.url)) == 1
    assert capsys.readouterr().err.startswith("SpoolBusy: ")


def test_messages_queued_while_the_collector_is_away_all_arrive(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    collector.stop()
    publish(mosquitto.url, *[point_message(seq) for seq in range(3_000)])
    collector.start()
    assert eventually(lambda: _kept(collector) >= 3_000)
    collector.stop()
    assert spooled_seqs(collector.spool_folder) == list(range(3_000))


def _kept(collector) -> int:
    """Different messages that are on disk, sealed or not; 0 at the moment in which a segment is being sealed."""
    try:
        unsealed = [whole_part(path.read_bytes()) for path in collector.spool_folder.glob("*.open")]
    except FileNotFoundError:
        return 0
    payloads = {message.payload for message in spooled(collector.spool_folder)}
    for part in unsealed:
        for batch in part.batches:
            payloads.update(batch["payload"].to_pylist())
    return len(payloads)


def test_a_broker_that_restarts_is_found_again_and_keeps_its_queue(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    publish(mosquitto.url, *[point_message(seq) for seq in range(100)])
    mosquitto.stop()
    time.sleep(0.3)
    mosquitto.start()
    publish(mosquitto.url, *[point_message(seq) for seq in range(100, 200)])
    assert eventually(lambda: _kept(collector) >= 200)
    collector.stop()
    assert set(spooled_seqs(collector.spool_folder)) == set(range(200))


def test_a_broker_that_comes_later_is_waited_for(mosquitto, collector_on):
    mosquitto.stop()
    collector = collector_on(mosquitto.url).start(wait=False)
    assert eventually(lambda: any("no broker at" in line for line in collector.log))
    mosquitto.start()
    assert eventually(lambda: "ready" in collector.log)


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1_with_a_warning(amqtt, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("ingest.connection.ANSWER_S", 0.5)
    url = amqtt.url.split("?")[0]
    with collecting(settings_for(tmp_path, url, clean_session=True)) as folder:
        assert eventually(lambda: any("trying MQTT 3.1.1" in message for message in caplog.messages))
        assert caplog.records[0].levelname == "WARNING"
        sent = publish_all([point_message(1)], url=amqtt.url, client_id="vans", clean_session=True, resend_s=0.5)
        assert sent.unconfirmed == 0
    assert set(spooled_seqs(folder)) == {1}


def test_a_broker_that_does_not_want_us_ends_the_collector_with_a_reason(tmp_path, capsys):
    broker = RefusingBroker()
    assert run(settings_for(tmp_path, broker.url)) == 1
    assert "Not authorized" in capsys.readouterr().err


class RefusingBroker(FakeBroker):
    def _talk(self, client) -> None:
        client.recv(4096)
        client.sendall(b"\x20\x03\x00\x87\x00")
        client.recv(4096)


def test_a_refused_subscription_ends_the_collector_with_its_topics(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tests.ingest.fake_broker._suback", _refuse_the_second)
    broker = FakeBroker()
    assert run(settings_for(tmp_path, broker.url)) == 1
    assert "SubscriptionRefused: the broker refused the subscription to tm/v1/+/+/evt" in capsys.readouterr().err


def _refuse_the_second(body: bytes) -> bytes:
    return b"\x90\x09" + body[:2] + b"\x00" + b"\x01\x87\x01\x01\x01\x01"


def test_addresses_are_read_from_urls():
    assert broker_address("mqtt://localhost") == BrokerAddress("localhost", 1883)
    assert broker_address("mqtts://a%40b:p%2Fw@example.org") == BrokerAddress(
        "example.org", 8883, "a@b", "p/w", tls=True
    )
    assert broker_address("mqtt://127.0.0.1:21883?version=3.1.1").protocol == MQTT311
    with pytest.raises(ValueError, match="mqtt://"):
        broker_address("http://localhost")


def test_a_secret_does_not_show():
    assert "hush" not in repr(broker_address("mqtt://me:hush@localhost"))
