import json
import threading
import time
from itertools import pairwise
from zlib import crc32

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fast_ingest import packet_tools
from ingest.numbering import numbered
from ingest.open_segment import Message, message_batch
from ingest.packed import pack
from ingest.packets import PLAIN_TOOLS
from ingest.receipts import Receipt, ReceiptKeys, ReceiptWriter, merged_ranges, parse_receipt, receipt_keys

POS = "tm/v1/acme/van-1/pos"


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def test_positions_are_receipted_by_boot_and_number():
    payload = encoded({"v": 1, "boot": 41, "pts": [{"seq": 7, "lat": 1.5}, {"seq": 8}]})
    expected = ReceiptKeys("tm/v1/acme/van-1/ack", 41, (7, 8), ())
    assert receipt_keys(POS, payload) == expected
    assert receipt_keys("tm/v1/acme/van-1/his", payload) == expected


def test_a_point_that_decoding_will_reject_counts_as_received():
    payload = encoded({"v": 99, "pts": [{"seq": 7, "lat": "north"}, {"seq": "eight"}, {"seq": True}]})
    assert receipt_keys(POS, payload) == ReceiptKeys("tm/v1/acme/van-1/ack", None, (7,), ())


def test_an_event_is_receipted_by_its_own_number():
    keys = receipt_keys("tm/v1/acme/van-1/evt", encoded({"v": 1, "seq": 12, "type": "harsh_brake"}))
    assert keys is not None
    assert keys.seqs == (12,)


def test_a_status_message_has_no_receipt():
    assert receipt_keys("tm/v1/acme/van-1/sta", encoded({"v": 1, "st": "online", "boot": 41})) is None


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"provider_txn_id": "T-1", "event_type": "clear", "item_no": 2, "seq": "9"}, "T-1/2/clear/9"),
        ({"provider_txn_id": "T-1", "event_type": "auth"}, "T-1/1/auth/"),
        ({"provider_txn_id": 17, "event_type": "post", "seq": 3, "quantity": "45.1"}, "17/1/post/3"),
    ],
)
def test_purchases_are_receipted_by_record(record, key):
    content = f"{crc32(encoded(record)):08x}"
    expected = ReceiptKeys("fc/v1/acme/wex/ack", None, (), (f"{key}/{content}",))
    assert receipt_keys("fc/v1/acme/wex/txn", encoded(record)) == expected


def test_no_receipt_repeats_a_card_number():
    card = "4111111111111111"
    record = {"provider_txn_id": card, "event_type": "clear", "item_no": card, "seq": card}
    keys = receipt_keys("fc/v1/acme/wex/txn", encoded(record))
    assert keys is not None
    content = f"{crc32(encoded(record)):08x}"
    assert keys.records == (f"************1111-c4c7/************1111/clear/************1111/{content}",)
    for topic in (f"fc/v1/acme/{card}/txn", f"fc/v1/{card}/wex/txn"):
        assert receipt_keys(topic, encoded(record | {"provider_txn_id": "T-1"})) is None


def test_plans_are_receipted_by_route():
    plan = {"v": 1, "service_date": "2026-02-26", "routes": [{"route_id": "R1"}, {"route_id": "R2"}]}
    keys = receipt_keys("rt/v1/acme/depot-1/plan", encoded(plan))
    content = f"{crc32(encoded(plan)):08x}"
    records = (f"2026-02-26/R1//{content}", f"2026-02-26/R2//{content}")
    assert keys == ReceiptKeys("rt/v1/acme/depot-1/ack", None, (), records)


@pytest.mark.parametrize("issued_utc", ["2026-02-26T09:00:00Z", 1772100000, 1772100000.5, None])
def test_two_versions_of_a_plan_are_confirmed_apart(issued_utc):
    plan = {"v": 1, "service_date": "2026-02-26", "issued_utc": issued_utc, "routes": [{"route_id": "R1"}]}
    one = receipt_keys("rt/v1/acme/depot-1/plan", encoded(plan))
    other = receipt_keys("rt/v1/acme/depot-1/plan", encoded(plan | {"routes": [{"route_id": "R1", "stops": []}]}))
    assert one is not None
    assert other is not None
    assert set(one.records).isdisjoint(other.records)


@pytest.mark.parametrize("topic", [POS, "fc/v1/acme/wex/txn", "rt/v1/acme/depot-1/plan", "owntracks/jane/phone"])
@given(payload=st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(encoded))
def test_whatever_arrives_gives_keys_or_nothing_and_never_an_error(topic, payload):
    assert receipt_keys(topic, payload) is None


@pytest.mark.parametrize("payload", [b"[" * 100_000, b'{"pts":' * 50_000, b'{"pts":[{"seq":1' + b"0" * 5000 + b"}]}"])
def test_a_hostile_payload_gives_no_error(payload):
    receipt_keys(POS, payload)


@given(st.lists(st.integers(-50, 50)))
def test_ranges_hold_exactly_the_numbers_given(seqs):
    ranges = merged_ranges(seqs)
    assert [seq for first, last in ranges for seq in range(first, last + 1)] == sorted(set(seqs))
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))


class Published:
    """Receipts as they would leave, and when."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, object]]] = []
        self.arrived = threading.Event()

    def __call__(self, topic: str, payload: bytes) -> None:
        self.messages.append((topic, json.loads(payload)))
        self.arrived.set()


def batch_of(messages: list[tuple[str, bytes]]) -> pa.RecordBatch:
    return message_batch([Message(topic, payload, 0, 1, False, None) for topic, payload in messages])


def point(device: str, boot: int, *seqs: int) -> tuple[str, bytes]:
    return f"tm/v1/acme/{device}/pos", encoded({"v": 1, "boot": boot, "pts": [{"seq": seq} for seq in seqs]})


def test_receipts_are_merged_for_each_device_and_boot():
    published = Published()
    writer = ReceiptWriter(published)
    writer.landed(batch_of([point("a", 1, 1, 2), point("b", 1, 5), point("a", 1, 3, 7), point("a", 2, 1)]))
    writer.landed(batch_of([("fc/v1/acme/wex/txn", encoded({"provider_txn_id": "T", "event_type": "auth"}))]))
    writer.close()
    assert published.messages == [
        ("tm/v1/acme/a/ack", {"v": 1, "boot": 1, "got": [[1, 3], [7, 7]]}),
        ("tm/v1/acme/b/ack", {"v": 1, "boot": 1, "got": [[5, 5]]}),
        ("tm/v1/acme/a/ack", {"v": 1, "boot": 2, "got": [[1, 1]]}),
        ("fc/v1/acme/wex/ack", {"v": 1, "got": ["T/1/auth//3ff709f4"]}),
    ]


def packed(seq: int | None, device: str = "van-1") -> bytes:
    points = [{"ts": 1_772_208_000 + place, "lat": 1.5} for place in range(2)]
    numbers = [{} if seq is None else {"seq": seq + place} for place in range(2)]
    return pack(device, [point | number for point, number in zip(points, numbers, strict=True)], boot=41)


VALUES = st.one_of(
    st.integers(-(10**20), 10**20),
    st.integers(0, 9),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.lists(st.integers(0, 3), max_size=2),
)
POINTS = st.dictionaries(st.sampled_from(["seq", "seq", "lat", "boot", "pts", "ü"]), VALUES, max_size=4)
SENT = st.fixed_dictionaries(
    {},
    optional={
        "v": st.just(1),
        "boot": VALUES,
        "seq": VALUES,
        "st": st.sampled_from(["a b", "\\", '"', "online"]),
        "pts": st.lists(POINTS | st.fixed_dictionaries({"seq": st.integers(0, 9)}), max_size=4) | VALUES,
        "more": st.dictionaries(st.text(max_size=2), VALUES, max_size=2),
    },
)
USUAL = st.builds(
    lambda boot, seqs, numbers: {
        "boot": boot,
        "dev": "a",
        "pts": [
            {"ts": number, "seq": seq, "longest_of_all_keys": 1} for seq, number in zip(seqs, numbers, strict=False)
        ],
        "x": None,
    },
    st.integers(-9, 10**19),
    st.lists(st.integers(-9, 10**19), max_size=4),
    st.lists(st.decimals(-1000, 10**9, places=4).map(float) | st.booleans() | st.integers(), max_size=4),
)
PACKED = st.builds(packed, st.sampled_from([None, 0, 7, -3]), st.sampled_from(["van-1", "ü"]))
PAYLOADS = st.one_of(
    PACKED,
    st.tuples(PACKED, st.integers(0, 40), st.binary(max_size=1)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + 1 :]
    ),
    st.tuples(SENT, st.sampled_from([None, 1]), st.booleans()).map(
        lambda drawn: json.dumps(drawn[0], indent=drawn[1], ensure_ascii=drawn[2]).encode()
    ),
    (SENT | USUAL).map(compact),
    st.tuples(SENT | USUAL, st.integers(0, 250), st.sampled_from(list(b'{}[]",:-0.e1 \\\x00'))).map(
        lambda drawn: (text := compact(drawn[0]))[: drawn[1]] + bytes([drawn[2]]) + text[drawn[1] + 1 :]
    ),
    st.sampled_from(
        [b'{"seq":1,"seq":2}', b'{"boot":1,"boot":2,"seq":3}', b'{"pts":[],"pts":[{"seq":1}]}', b'{"seq":01}']
    ),
    st.sampled_from(
        [b'{"seq":1}x', b'[{"seq":1}]', b' {"seq" : -7 } ', b'{"seq":1,}', b'{"seq":1e2}', b"{}", b"", b"\xff"]
    ),
)
TOPICS = st.sampled_from(
    [POS, "tm/v1/acme/van-1/evt", "tm/v1/b/ü/his", "tm/v2/a/b/pos", "tm/", "probe/7", "fc/v1/a/b/txn"]
)


@given(st.lists(st.lists(st.tuples(TOPICS, PAYLOADS), min_size=1, max_size=8), max_size=3), st.sampled_from([0, 80]))
@settings(max_examples=150, deadline=None)
def test_numbers_read_together_give_the_receipts_of_numbers_read_one_by_one(batches, blanks):
    heard = []
    for tools in (PLAIN_TOOLS, packet_tools()):
        published = Published()
        writer = ReceiptWriter(published, interval_s=60, tools=lambda tools=tools: tools)
        for batch in batches:
            # Behind the last one nothing may be read, which leaves it to the careful way.
            writer.landed(batch_of([*batch, (POS, b" " * blanks)]))
        writer.close()
        assert len({(topic, receipt.get("boot")) for topic, receipt in published.messages}) == len(published.messages)
        heard.append(sorted(published.messages, key=str))
    assert heard[0] == heard[1]


ODD = (
    '{"boot":1,"boot":2,"seq":3}', '{"seq":1,"seq":2}', '{"pts":[{"seq":1,"seq":2}]}', '{"pts":[{"seq":1}],"pts":[]}',
    '{"seq":1,"x":1.}', '{"seq":1,"x":1.,"y":2}', '{"seq":1,"x":.5}', '{"seq":1,"x":01.5}', '{"seq":1,"x":-}',
    '{"seq":1,"x":123456789.}', '{"seq":1,"x":1234567.}', '{"seq":1,"x":12345678.5}', '{"seq":1,"x":1.123456789}',
    '{"seq":1,"x":1.5.5}', '{"seq":1,"x":1e5}', '{"seq":1,"x":1.5e5}', '{"seq":1.5}', '{"seq":01}', '{"seq":00000001}',
    '{"seq":-7}', '{"seq":--7}', '{"seq":999999999999999999}', '{"seq":9999999999999999999}', '{"seq":true}',
    '{"seq":1,"x":falsy}', '{"seq":1,"x":false}', '{"seq":1,"x":nulL}', '{"seq":1,"x":"a\\"}', '{"seq":1,"x":"a"}',
    '{"seq":1,"x":{}}', '{"seq":1,"x":[]}', '{"seq":1,"pts":{}}', '{"seq":1,"pts":[]}', '{"seq":1,"pts":[{}]}',
    '{"pts":[{"seq":1},{"seq":2}],"boot":3}', '{"pts":[{"seq":1}{"seq":2}]}', '{"pts":[{"seq":1},]}', '{"seq":1}}',
    '{"seq":1,}', '{"seq":1', '{"seq":1,"x', '{"seq":1,"x":"', '{"seq":1,"x":1', '{"pts":[{"seq":1}', '{"seq":1 }',
    '{"a_key_that_is_longer_than_words":1,"seq":1}', '{"boot":1,"pts":[{"boot":2,"seq":3,"pts":4}]}',
)  # fmt: skip


def test_odd_messages_are_read_together_as_one_by_one():
    heard = []
    for tools in (PLAIN_TOOLS, packet_tools()):
        published = Published()
        writer = ReceiptWriter(published, interval_s=60, tools=lambda tools=tools: tools)
        sent = [(f"tm/v1/acme/{number}/pos", text.encode()) for number, text in enumerate(ODD)]
        writer.landed(batch_of([*sent, (POS, b" " * 80)]))
        writer.close()
        heard.append(sorted(published.messages, key=str))
    assert heard[0] == heard[1]
    assert len(heard[0]) > 10


def test_most_native_messages_are_read_together():
    usual = [point("a", 1, 1, 2), (POS, b'{"v":1,"dev":"a","boot":41,"pts":[{"ts":1.5,"seq":7,"ign":true,"x":null}]}')]
    others = [("fc/v1/acme/wex/txn", b"{}"), (POS, b"[]"), (POS, packed(7, "somebody else"))]
    found, rest = numbered(batch_of([*usual, *others, (POS, packed(7)), (POS, packed(None))]), packet_tools())
    assert rest.tolist() == [2, 3, 4]
    assert [(one.boots.tolist(), one.counts.tolist(), one.seqs.tolist()) for one in found] == [
        ([1, 41], [2, 1], [1, 2, 7]),
        ([41], [2], [7, 8]),
    ]


def test_a_device_hears_from_us_at_most_once_in_the_interval():
    published = Published()
    writer = ReceiptWriter(published, interval_s=0.3)
    started_s = time.monotonic()
    for seq in range(60):
        writer.landed(batch_of([point("a", 1, seq)]))
        time.sleep(0.01)
    writer.close()
    assert 1 <= len(published.messages) - 1 <= (time.monotonic() - started_s) / 0.3
    heard = [tuple(entry) for _, receipt in published.messages for entry in receipt["got"]]
    assert merged_ranges(seq for first, last in heard for seq in range(first, last + 1)) == [(0, 59)]


def test_under_pressure_receipts_are_dropped_and_nothing_waits():
    may_go_on = threading.Event()
    sent: list[bytes] = []

    def publish(topic: str, payload: bytes) -> None:
        assert may_go_on.wait(20)
        sent.append(payload)

    writer = ReceiptWriter(publish, interval_s=0)
    topic, payload = point("a", 1, 1)
    for _ in range(100):
        writer.landed(batch_of([(topic, payload + b" " * 1_000_000)]))  # 100 MB in all
    assert writer._put_bytes - writer._done_bytes < 40 << 20
    assert writer._put_bytes < 80 << 20
    may_go_on.set()
    writer.close()
    assert sent


def test_a_receipt_can_be_read_by_the_other_side():
    published = Published()
    writer = ReceiptWriter(published)
    writer.landed(batch_of([point("a", 3, 1, 2, 9), point("a", 3)]))
    writer.close()
    (_, receipt) = published.messages[0]
    assert parse_receipt(encoded(receipt)) == Receipt(3, ((1, 2), (9, 9)), ())
    assert parse_receipt(b'{"v":1,"got":["T/1/auth/"]}') == Receipt(None, (), ("T/1/auth/",))
    assert parse_receipt(b"not json") is None
    assert parse_receipt(b'{"v":1,"got":[[1,2,3]]}') is None
