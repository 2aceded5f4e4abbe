"""Both scanners find the same packets in any stream, and what they find is what paho reads in it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion

from flows.fast_ingest import packet_tools
from ingest.packets import ENDED, FULL, PLAIN_TOOLS, UNUSUAL, Packets, PacketTools, empty_table
from tests.ingest.wire import publish_packet, streams

LARGEST = 2_000
ORDINARY = publish_packet("tm/v1/acme/van-1/pos", b"{}", packet_id=7, is_v5=True)


@pytest.fixture(scope="module", params=["plain", "compiled"])
def tools(request: pytest.FixtureRequest) -> PacketTools:
    return PLAIN_TOOLS if request.param == "plain" else packet_tools()


def scanned(tools: PacketTools, stream: bytes, is_v5: bool = True, room: int = 100) -> tuple[Packets, int, int, int]:
    table = empty_table(room)
    content = np.frombuffer(b"--" + stream + b"\x30", np.uint8).copy()
    count, stop, verdict, size = tools.scan(content, 2, 2 + len(stream), is_v5, LARGEST, table)
    return Packets(content[2:stop], table[:, :count]), stop - 2, verdict, size


@given(streams(), st.booleans(), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_both_scanners_see_the_same_and_stop_at_the_same_place(stream, is_v5, room):
    plain, *plain_end = scanned(PLAIN_TOOLS, stream, is_v5, room)
    fast, *fast_end = scanned(packet_tools(), stream, is_v5, room)
    assert plain_end == fast_end
    assert plain.table.tolist() == fast.table.tolist()


@given(streams(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_is_lifted_is_what_paho_reads(stream, is_v5):
    found, stop, _, _ = scanned(packet_tools(), stream, is_v5)
    protocol = MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311
    place = 0
    for number, topic in enumerate(found.topics()):
        body = place + 1
        length = shift = 0
        while True:
            length |= (stream[body] & 127) << shift
            shift, body = shift + 7, body + 1
            if stream[body - 1] < 128:
                break
        read = decode_publish(stream[place], stream[body : body + length], protocol)
        _, _, payload, payload_size, packet_id, flags, kind, kind_size, named = found.table[:, number].tolist()
        assert (topic.encode(), stream[payload : payload + payload_size]) == (read.topic, read.payload)
        assert (packet_id, flags >> 1, bool(flags & 1)) == (read.mid, read.qos, read.retain)
        content_type = stream[kind : kind + kind_size].decode() if kind >= 0 else None
        assert content_type == getattr(read.properties, "ContentType", None)
        assert ([named] if named else []) == getattr(read.properties, "SubscriptionIdentifier", [])
        place = body + length
    assert place == stop


@pytest.mark.parametrize(
    "packet",
    [
        b"\x20\x03\x00\x00\x00",  # CONNACK
        b"\xd0\x00",  # PINGRESP
        publish_packet("t/pos", b"", packet_id=7, qos=2, is_v5=True),
        publish_packet("t/pos", b"", packet_id=0, is_v5=True),
        publish_packet("$SYS/broker/version", b"", qos=0, is_v5=True),
        publish_packet("tm/v1/acme/lkw-ü/pos", b"", packet_id=1, is_v5=True),
        publish_packet("", b"", packet_id=1, properties=b"\x23\x00\x01", is_v5=True),  # topic alias
        publish_packet("t/pos", b"", packet_id=1, properties=b"\x0b\x01\x0b\x02", is_v5=True),  # two identifiers
        publish_packet("t/pos", b"", packet_id=1, properties=b"\x03\x00\x02\xc3\xbc", is_v5=True),  # not ASCII
        publish_packet("t/pos", b"", packet_id=1, properties=b"\x03\x00\x09ab", is_v5=True),  # longer than it is
        publish_packet("t/pos", b"", packet_id=1, properties=b"\x01\x02", is_v5=True),  # no such format
        publish_packet("t/pos", bytes(LARGEST), packet_id=1, is_v5=True),
        publish_packet("t/pos", bytes(LARGEST), packet_id=1, is_v5=True)[:10],  # it need not all be there
    ],
)
def test_a_scan_stops_at_what_is_not_ordinary_and_says_how_long_that_is(tools, packet):
    head = 2 if packet[1] < 128 else 3
    length = packet[1] if head == 2 else (packet[1] & 127) | packet[2] << 7
    found, stop, verdict, size = scanned(tools, ORDINARY + packet)
    assert (found.message_count, stop, verdict, size) == (1, len(ORDINARY), UNUSUAL, head + length)


def test_a_scan_goes_on_where_the_table_was_full_or_a_packet_torn(tools):
    assert scanned(tools, ORDINARY * 3, room=2)[1:] == (2 * len(ORDINARY), FULL, 0)
    for cut in range(len(ORDINARY)):
        found, stop, verdict, _ = scanned(tools, ORDINARY + ORDINARY[:cut])
        assert (found.message_count, stop, verdict) == (1, len(ORDINARY), ENDED)


@given(st.binary(max_size=300), st.data())
@settings(max_examples=50, deadline=None)
def test_columns_hold_what_the_table_points_at(content, data):
    pieces = st.tuples(st.integers(0, len(content)), st.integers(0, 40)).map(
        lambda drawn: (drawn[0], min(drawn[1], len(content) - drawn[0]))
    )
    rows = data.draw(st.lists(st.tuples(pieces, pieces, pieces | st.just((-1, 0)), st.integers(0, 7)), max_size=20))
    table = np.array([(*a, *b, 0, flags, *c, 0) for a, b, c, flags in rows], np.int32).reshape(-1, 9).T.copy()
    for tools in (PLAIN_TOOLS, packet_tools()):
        found = tools.columns(np.frombuffer(content, np.uint8).copy(), table)
        for place, ends, text in (
            (0, found.topic_ends, found.topics),
            (1, found.payload_ends, found.payloads),
            (2, found.type_ends, found.types),
        ):
            assert [text[a:b].tobytes() for a, b in pairwise(ends.tolist())] == [
                content[row[place][0] : row[place][0] + row[place][1]] if row[place][1] else b"" for row in rows
            ]
        assert found.qos.tolist() == [row[3] >> 1 for row in rows]
        for bits, expected in (
            (found.retained, [row[3] & 1 for row in rows]),
            (found.typed, [int(row[2][0] >= 0) for row in rows]),
        ):
            assert np.unpackbits(bits, bitorder="little").tolist() == expected + [0] * (-len(rows) % 8)
