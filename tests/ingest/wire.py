"""MQTT packets as a broker sends them, ordinary and otherwise, for tests of what reads them."""

import struct

from hypothesis import strategies as st

TOPICS = st.sampled_from(
    ["tm/v1/acme/van-1/pos", "fc/v1/acme/wex/txn", "probe/7", "x", "", "$SYS/broker/version", "ü/pos", "\udcff/pos"]
)


def number(value: int) -> bytes:
    """A number of one to four bytes."""
    written = b""
    while True:
        value, byte = divmod(value, 128)
        written += bytes([byte | (128 if value else 0)])
        if not value:
            return written


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def publish_packet(
    topic: str,
    payload: bytes,
    *,
    packet_id: int = 1,
    qos: int = 1,
    retain: bool = False,
    dup: bool = False,
    properties: bytes = b"",
    is_v5: bool = False,
) -> bytes:
    body = text(topic.encode(errors="surrogateescape")) + (struct.pack(">H", packet_id) if qos else b"")
    body += number(len(properties)) + properties if is_v5 else b""
    body += payload
    return bytes([0x30 | dup << 3 | qos << 1 | retain]) + number(len(body)) + body


PROPERTIES = st.lists(
    st.one_of(
        st.sampled_from([b"\x01\x00", b"\x01\x01", b"\x02\x00\x00\x00\x09", b"\x0b\x07", b"\x0b\x80\x01"]),
        st.sampled_from([b"application/json", b"", b"text/plain"]).map(lambda value: b"\x03" + text(value)),
        st.binary(max_size=5).map(lambda value: b"\x09" + text(value)),
        st.binary(max_size=5).map(lambda value: b"\x08" + text(value)),
        st.tuples(st.just(b"a"), st.binary(max_size=4)).map(lambda two: b"\x26" + text(two[0]) + text(two[1])),
        st.binary(max_size=6),
    ),
    max_size=3,
).map(b"".join)


def publishes(is_v5: bool | None = None) -> st.SearchStrategy[bytes]:
    """PUBLISH packets of any kind, many of them ordinary."""
    return st.builds(
        publish_packet,
        TOPICS,
        st.binary(max_size=200),
        packet_id=st.integers(0, 65_535),
        qos=st.sampled_from([0, 1, 1, 1, 2]),
        retain=st.booleans(),
        dup=st.booleans(),
        properties=st.just(b"") | PROPERTIES,
        is_v5=st.booleans() if is_v5 is None else st.just(is_v5),
    )


def streams() -> st.SearchStrategy[bytes]:
    """What may come over a wire: packets, cut anywhere, with a byte changed, or nothing of the kind."""
    whole = st.lists(publishes() | st.sampled_from([b"\xd0\x00", b"\x20\x03\x00\x00\x00"]), max_size=6).map(b"".join)
    cut = st.tuples(whole, st.integers(0, 50)).map(lambda given: given[0][: len(given[0]) - given[1]])
    spoiled = st.tuples(whole, st.integers(0, 400), st.integers(0, 255)).map(_spoiled)
    return st.one_of(whole, cut, spoiled, st.binary(max_size=60))


def _spoiled(given: tuple[bytes, int, int]) -> bytes:
    stream, place, byte = given
    return stream[:place] + bytes([byte]) + stream[place + 1 :]
