"""What is lifted out of the socket comes to disk as if paho had read it, however the network cuts the stream."""

import select
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest.bulk_socket
import ingest.waiting
from flows.fast_ingest import packet_tools
from ingest.arrivals import Lifted, arrived_batch
from ingest.broker_watch import BrokerWatch
from ingest.bulk_socket import STREAM_BYTES, Lifting, paho_problem, pubacks
from ingest.client import MQTT5, MQTT311, BrokerAddress
from ingest.collector import _lifting
from ingest.connection import Connection
from ingest.intake import Inbox, Intake
from ingest.meter import kind_counts, topic_kind
from ingest.open_segment import SCHEMA, checksum
from ingest.packets import PLAIN_TOOLS, PacketTools, ToolBox
from ingest.settings import IngestSettings
from ingest.sharing import Asked, Role
from ingest.topics import SUBSCRIPTIONS
from ingest.waiting import Waiting
from tests.builders import examples
from tests.ingest.wire import publish_packet, publishes

TOPIC = "tm/v1/acme/van-1/pos"


class Line:
    """A connection on the test's own thread, and the broker's end of it."""

    def __init__(self, folder, *, tools: PacketTools | None, is_v5: bool = True, role: Role | None = None) -> None:
        role = role or Role()
        self.watch = BrokerWatch(session_expiry_s=0)
        self.intake = Intake(
            Inbox(64 << 20),
            self.watch,
            Asked(folder, role, SUBSCRIPTIONS),
            ["probe/+"],
            wall_ns=lambda: 0,
            tools=lambda: tools or PLAIN_TOOLS,
        )
        self.connection = Connection(
            BrokerAddress("localhost", 1883, protocol=MQTT5 if is_v5 else MQTT311),
            self.intake,
            client_id="test",
            manual_ack=True,
            lifting=None if tools is None else Lifting(self.intake.lifted, lambda: tools),
        )
        # A pair, unlike a connection over loopback, has everything there at once.
        here, self.broker = socket.socketpair()
        client = self.connection._client
        client.on_socket_open = None
        client._create_socket_connection = lambda: here
        client.reconnect()
        self.broker.settimeout(5)
        self.turn(b"\x20\x03\x00\x00\x00" if is_v5 else b"\x20\x02\x00\x00")
        assert self.connection.is_connected
        self.broker.recv(4096)

    def turn(self, sent: bytes) -> None:
        with suppress(OSError):
            self.broker.sendall(sent)
        while (wire := self.connection._client.socket()) is not None and select.select([wire], [], [], 0)[0]:
            self.connection._turn(may_serve=False)

    def batch(self) -> tuple[pa.RecordBatch, bytes]:
        """What came, as it goes to disk, and what was acknowledged of it."""
        arrivals = self.intake.inbox.take()
        self.intake.unacknowledged.append(arrivals)
        answers = b""
        if self.connection.is_connected:
            self.connection.wake()
            self.connection._turn()
            self.connection._client._sock_close()
            while answer := self.broker.recv(65536):
                answers += answer
        return arrived_batch(arrivals), answers

    def close(self) -> None:
        self.broker.close()
        self.connection._client._sock_close()
        self.connection.close()


def read_through(folder, chunks: Sequence[bytes], tools: PacketTools | None, is_v5: bool):
    line = Line(folder, tools=tools, is_v5=is_v5)
    try:
        for chunk in chunks:
            line.turn(chunk)
        return line.connection.is_connected, *line.batch()
    finally:
        line.close()


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bool, list[bytes]]:
    """The version of MQTT, and what a broker sends, in the pieces in which it comes."""
    is_v5 = draw(st.booleans())
    packets = draw(st.lists(publishes(is_v5) | st.just(b"\xd0\x00"), max_size=12))
    ordinary = st.builds(publish_packet, st.just(TOPIC), st.binary(max_size=99), packet_id=st.integers(1, 99))
    if not is_v5:
        packets = [packet for one in packets for packet in (one, draw(ordinary))]
    stream = b"".join(packets)
    cuts = sorted({draw(st.integers(0, len(stream))) for _ in range(draw(st.integers(0, 4)))})
    return is_v5, [
        stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True) if start < end
    ]


@given(conversations())
@settings(max_examples=examples(30, 60), deadline=None)
def test_any_conversation_gives_the_same_batch_and_the_same_acknowledgements(tmp_path_factory, conversation):
    is_v5, chunks = conversation
    folder = tmp_path_factory.mktemp("spool")
    one_by_one = read_through(folder, chunks, None, is_v5)
    for tools in (PLAIN_TOOLS, packet_tools()):
        found = read_through(folder, chunks, tools, is_v5)
        assert found[1].to_pylist() == one_by_one[1].to_pylist()
        assert checksum(found[1]) == checksum(one_by_one[1])
        assert found[1].schema == SCHEMA
        assert (found[0], found[2]) == (one_by_one[0], one_by_one[2])
        found[1].validate(full=True)


def test_a_packet_larger_than_the_stream_is_kept_between_its_neighbours(tmp_path):
    line = Line(tmp_path, tools=packet_tools())
    large = bytes(STREAM_BYTES + 5)
    sent = [(TOPIC, b"first"), (TOPIC, large), (TOPIC, b"last")]
    stream = b"".join(publish_packet(*message, packet_id=5, is_v5=True) for message in sent)
    while stream:
        line.turn(stream[:100_000])
        stream = stream[100_000:]
    while line.intake.inbox.message_count < 3:
        line.connection._turn(may_serve=False)
    batch, _ = line.batch()
    assert batch["payload"].to_pylist() == [payload for _, payload in sent]
    line.close()


def test_what_the_broker_says_of_itself_goes_to_the_watch(tmp_path, caplog):
    line = Line(tmp_path, tools=packet_tools())
    dropped = "$SYS/broker/publish/messages/dropped"
    line.turn(b"".join(publish_packet(topic, b"7", is_v5=True) for topic in (TOPIC, dropped, TOPIC)))
    assert "it dropped 7 messages" in caplog.text
    batch, _ = line.batch()
    assert batch["topic"].to_pylist() == [TOPIC, TOPIC]
    line.close()


def test_while_there_is_no_room_nothing_is_lifted_and_then_it_goes_on_by_itself(tmp_path):
    line = Line(tmp_path, tools=packet_tools())
    line.intake.paused.set()
    line.broker.sendall(publish_packet(TOPIC, b"{}", is_v5=True) * 5)
    line.connection.wake()
    line.connection._turn()
    assert line.intake.inbox.message_count == 0
    line.intake.paused.clear()
    line.connection._turn()
    assert line.intake.inbox.message_count == 5
    line.close()


def test_what_was_heard_keeps_the_connection_alive(tmp_path):
    line = Line(tmp_path, tools=packet_tools())
    client = line.connection._client
    client._last_bytes_received -= 1000
    before_s = client._last_bytes_received
    line.turn(publish_packet(TOPIC, b"{}", is_v5=True))
    assert client._last_bytes_received > before_s + 999
    line.close()


@pytest.mark.parametrize("identifier", [b"", b"\x0b\x07", b"\x0b\x92\x4e"])
def test_a_part_keeps_of_what_is_lifted_what_it_would_keep_of_single_messages(tmp_path, identifier):
    kept = {}
    for tools in (None, packet_tools()):
        line = Line(tmp_path, tools=tools, role=Role(1, 3))
        topics = [f"tm/v1/acme/van-{number}/pos" for number in range(20)]
        line.turn(b"".join(publish_packet(topic, b"{}", properties=identifier, is_v5=True) for topic in topics))
        batch, acknowledged = line.batch()
        kept[tools is None] = batch["topic"].to_pylist()
        assert acknowledged == b"\x40\x02\x00\x01" * 20
        line.close()
    assert kept[True] == kept[False]
    assert 0 < len(kept[True]) <= 20


@given(st.lists(st.integers(0, 65_535), max_size=20))
@settings(deadline=None)
def test_acknowledgements_are_packets_of_four_bytes(ids):
    assert pubacks(np.array(ids, np.int32)) == b"".join(b"\x40\x02" + one.to_bytes(2, "big") for one in ids)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["tm", "fc", "rt", "tmx", "", "owntracks", "é", "foreign"]),
            st.sampled_from(["v1/acme/van-1", "", "x", "v1/a/ü"]),
            st.sampled_from(["pos", "evt", "plan", "txn", "xpos", "plans", "", "lan"]),
        ).map("/".join),
        max_size=30,
    )
)
@settings(deadline=None)
def test_kinds_are_counted_for_all_at_once_as_one_by_one(topics):
    payloads = [b"x" * number for number in range(len(topics))]
    counts, sizes = Counter(), Counter()
    for kind, count, size in kind_counts(pa.array(topics, pa.string()), pa.array(payloads, pa.binary())):
        counts[kind] += count
        sizes[kind] += size
    assert counts == Counter(map(topic_kind, topics))
    for kind in counts:
        assert sizes[kind] == sum(number for number, topic in enumerate(topics) if topic_kind(topic) == kind)


def test_this_paho_is_as_we_know_it():
    assert paho_problem() is None


def _settings(tmp_path, **more: object) -> IngestSettings:
    return IngestSettings.read(_env_file=None, data_dir=tmp_path, **more)


def test_another_paho_is_used_without_its_insides(tmp_path, monkeypatch, caplog):
    line = Line(tmp_path, tools=None)
    monkeypatch.setattr(ingest.bulk_socket.Client, "_packet_queue", lambda *_: None)
    assert _lifting(_settings(tmp_path), line.intake, ToolBox()) is None
    (record,) = caplog.records
    assert record.message.startswith("messages are taken one by one, which is slower: paho-mqtt is not as we know it")
    monkeypatch.undo()
    assert _lifting(_settings(tmp_path), line.intake, ToolBox()) is not None
    assert _lifting(_settings(tmp_path, plain=True), line.intake, ToolBox()) is None
    line.close()


def test_better_tools_are_used_once_they_are_there_and_their_loss_is_no_loss(caplog):
    import threading

    may_load = threading.Event()

    def load() -> PacketTools:
        assert may_load.wait(5)
        return PLAIN_TOOLS._replace(columns=packet_tools().columns)

    box = ToolBox(load)
    assert box.tools is PLAIN_TOOLS
    may_load.set()
    box.loaded.wait(5)
    assert box.tools.columns is packet_tools().columns

    def fail() -> PacketTools:
        raise ImportError("no numba")

    box = ToolBox(fail)
    box.loaded.wait(5)
    assert box.tools is PLAIN_TOOLS
    assert "no compiled code" in caplog.text


def test_while_messages_gather_those_before_are_acknowledged(tmp_path, monkeypatch):
    line = Line(tmp_path, tools=packet_tools())
    monkeypatch.setattr(ingest.waiting, "GATHER_S", 60)  # longer than this test may take
    line.turn(publish_packet(TOPIC, b"{}", packet_id=7, is_v5=True))
    line.broker.sendall(publish_packet(TOPIC, b"{}", packet_id=8, is_v5=True))
    line.intake.unacknowledged.append(line.intake.inbox.take())
    line.connection.wake()
    line.connection._turn()
    assert line.broker.recv(4096) == b"\x40\x02\x00\x07"
    assert line.intake.inbox.message_count == 1
    line.connection._waiting._next_read_s = 0
    line.connection._turn()
    assert line.intake.inbox.message_count == 2
    line.close()


def test_messages_gather_no_longer_than_it_takes_to_fill_the_buffer(monkeypatch):
    monkeypatch.setattr(ingest.waiting, "GATHER_S", 60)  # longer than this test may take
    waiting = Waiting()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as broker:
        connection, _ = server.accept()
        client = SimpleNamespace(socket=lambda: connection, want_write=lambda: False)
        waiting.lifted(10)
        broker.sendall(b"x")
        waiting.wake()
        assert not waiting.is_readable(client, may_read=True)  # woken, and too little to read yet
        sender = threading.Thread(target=broker.sendall, args=(bytes(1 << 20),))
        sender.start()
        assert waiting.is_readable(client, may_read=True)
        left = 1 + (1 << 20)
        while left:
            left -= len(connection.recv(1 << 20))
        sender.join()
        broker.sendall(b"y")
        assert waiting.is_readable(client, may_read=True)  # of a byte, where nothing gathers
        connection.close()
    waiting.close()


def test_lifted_messages_count_by_their_bytes(tmp_path):
    line = Line(tmp_path, tools=packet_tools())
    line.turn(publish_packet(TOPIC, bytes(1000), is_v5=True) * 3)
    (lifted,) = line.intake.inbox.take()
    assert isinstance(lifted, Lifted)
    assert 3_000 < line.intake.inbox.size_bytes == lifted.size_bytes < 3_400
    line.intake.inbox.done([lifted])
    assert (line.intake.inbox.size_bytes, line.intake.inbox.message_count) == (0, 0)
    line.close()
