"""Packed messages become the points that were packed, both decoders agree, and the format does not drift."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fast_ingest import scanners
from ingest import packed as reference
from ingest.adapters.sources import built_in_only
from ingest.decode import Decoded, decode
from ingest.native import VERSION, Point
from ingest.packed import COLUMNS, CONTENT_TYPE, MAGIC, MAX_PACKED_POINTS, MOST, SWITCHES, UNITS, pack, unpack
from ingest.receipts import receipt_keys
from ingest.received import Received, Undecodable, received_messages
from ingest.scanned import SegmentRows, decode_segments
from ingest.settings import IngestSettings
from kernels import packed_format as kernel
from kernels.packed import packed_points
from kernels.point_cells import KEYS, PADDING, SAID, SWITCH_SHIFT
from kernels.point_cells import SWITCHES as KERNEL_SWITCHES
from tests.fuzz.decoders import NOW_US, POINT
from tests.fuzz.twins import are_equal, segment_of

POS = "tm/v1/t1/d1/pos"
NOW_S = NOW_US / 1e6
DRIVE = [
    {"ts": NOW_S - 3, "lat": 40.748441, "lon": -73.985664, "spd_kmh": 31.5, "hdg_deg": 271, "ign": True, "seq": 7},
    {"ts": NOW_S - 2, "lat": 40.748442, "lon": -73.985764, "spd_kmh": 32.1, "hdg_deg": 270.5, "ign": True, "seq": 8},
    {"ts": NOW_S - 1, "lat": 40.748445, "lon": -73.985866, "ign": False, "seq": 9, "rpm": 1200},
]
GOLDEN = bytes.fromhex(
    "d06f50 01 ff04 8c04 8004 026431 03"  # magic, version, columns, gaps, steady, d1, three points
    "a0a2affd9367 d00f 00"  # time: the first, the step, and by how much the next step differs
    "f4dfcd8403 14 3c  ffc3cac105 cf0f f70f"  # lat, lon
    "03 9c31 78  03 ac2a 09"  # spd_kmh and hdg_deg: two points have one
    "03 52 0e  04 e012"  # ign, boot, seq; rpm: the third point has one
)


def fast_and_slow(*payloads: bytes, content_type: str | None = None) -> tuple[Decoded, Decoded]:
    rows = SegmentRows(segment_of([(POS, payload, False, content_type) for payload in payloads]), "s", 1)
    compiled = scanners(IngestSettings(plain=False))
    fast = decode_segments([rows], max_age_days=30, sources=built_in_only(), scanners=compiled)
    return fast, decode(received_messages(*rows), max_age_days=30)


def test_the_format_does_not_drift():
    assert pack("d1", DRIVE, boot=41).hex() == GOLDEN.hex()
    assert unpack(GOLDEN).points == DRIVE
    assert (unpack(GOLDEN).device, unpack(GOLDEN).boot) == ("d1", 41)


def test_kernel_and_reference_speak_of_the_same_format():
    ours = (COLUMNS, UNITS, MAGIC, VERSION, MAX_PACKED_POINTS)
    assert ours == (kernel.COLUMNS, kernel.UNITS, kernel.MAGIC, kernel.VERSION, kernel.MAX_PACKED_POINTS)
    assert {"ts", "boot", *COLUMNS} == {*Point.__struct_fields__, "boot"}


VALUES = {
    name: st.none() | st.integers(-(10**4), 10**6).map(lambda count, of_one=units: count / of_one)
    for name, units in UNITS.items()
}
VALUES |= {"lat": st.none() | st.integers(-(10**9), 10**9).map(lambda count: count / 1e7)}
VALUES |= {"sat": st.none() | st.integers(-9, 2000)}
VALUES |= {name: st.none() | st.booleans() for name in SWITCHES}
VALUES |= {"ts": st.integers(-5_000, 5_000_000).map(lambda ms: round(NOW_S - ms / 1000, 3))}


@st.composite
def drives(draw):
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=len(VALUES))) | {"ts"}
    points = draw(st.lists(st.fixed_dictionaries({name: VALUES[name] for name in names}), min_size=1, max_size=20))
    shared = {"route_id": draw(st.none() | st.sampled_from(["R1", "", "Ré", "R 2"]))}
    first = draw(st.none() | st.integers(0, 2**40))
    return [
        point | shared | {"seq": None if first is None else first + place} for place, point in enumerate(points)
    ], draw(st.none() | st.integers(-5, 2**40))


@given(drives())
@settings(deadline=None, max_examples=25)  # the first call compiles
def test_what_is_packed_is_unpacked_and_becomes_the_rows_that_json_would_have_become(drive):
    points, boot = drive
    payload = pack("d1", points, boot=boot)
    said = [{name: value for name, value in point.items() if value is not None} for point in points]
    assert [dict(point) for point in unpack(payload).points] == said
    fast, slow = fast_and_slow(payload)
    assert all(are_equal(*tables) for tables in zip(fast, slow, strict=True))
    body = json.dumps({"v": 1, "dev": "d1", "pts": said} | ({} if boot is None else {"boot": boot})).encode()
    _, of_json = fast_and_slow(body)
    told_apart = ["source_format", "payload_hash"]
    assert are_equal(slow.positions.drop_columns(told_apart), of_json.positions.drop_columns(told_apart))
    assert slow.rejects["reason"].sort().equals(of_json.rejects["reason"].sort())


@st.composite
def smooth_columns(draw):
    """Points whose numbers change by little or much, so that they take one to seven bytes in any mixture."""
    count = draw(st.integers(2, 45))
    steps = st.sampled_from([0, 1, -1, 63, -64, 64, 700, -8_191, 8_192, 20_000, 10**6])
    columns = {}
    for name in ("lat", "lon", "spd_kmh", "odo_m", "sat"):
        few = draw(st.lists(steps, min_size=1, max_size=6))
        first = draw(st.sampled_from([0, 407_000_000, -740_000_000, 2**52]))
        total = first if name != "sat" else 0
        columns[name] = [total := total + few[place % len(few)] for place in range(count)]
    times_ms = [round(NOW_S) * 1000 + draw(st.sampled_from([0, 250])) + place * 1000 for place in range(count)]
    late = draw(st.integers(0, count))
    times_ms[late:] = [time_ms + draw(st.sampled_from([1, 3, 200_000])) for time_ms in times_ms[late:]]
    return [
        {"ts": times_ms[place] / 1000, "ign": place % 3 == 0}
        | {name: values[place] / UNITS[name] for name, values in columns.items()}
        for place in range(count)
    ]


@given(smooth_columns())
@settings(deadline=None, max_examples=100)
def test_numbers_of_few_bytes_are_read_together_as_one_by_one(points):
    payload = pack("d1", points)
    text = np.frombuffer(payload + bytes(PADDING), np.uint8)
    found = packed_points(text, np.zeros(1, np.int64), np.array([len(payload)]), [b"d1"], np.zeros(1, np.int64))
    expected = unpack(payload).points
    assert found.is_read.tolist() == [all(-1 <= point["sat"] <= 999 for point in expected)]
    if found.is_read.all():
        for name in ("ts", "lat", "lon", "spd_kmh", "odo_m"):
            assert found.values[KEYS.index(name)].tolist() == [point[name] for point in expected]
        assert found.cells[KEYS.index("sat")].tolist() == [point["sat"] for point in expected]
        switch = SWITCH_SHIFT + KERNEL_SWITCHES.index("ign")
        assert [bool(said >> switch & 1) for said in found.cells[SAID].tolist()] == [point["ign"] for point in expected]


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_whatever_bytes_come_both_say_the_same_and_nothing_raises(data):
    good = pack("d1", [POINT, POINT | {"spd_kmh": None, "seq": POINT["seq"] + 1}], boot=41)
    payloads = []
    for _ in range(data.draw(st.integers(1, 12))):
        spoilt = bytearray(good)
        for _ in range(data.draw(st.integers(0, 3))):
            spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(spoilt)))
        spoilt = data.draw(st.sampled_from([spoilt, spoilt[:cut], spoilt + b"\0", spoilt[:cut] + spoilt]))
        payloads.append(bytes(spoilt))
    fast, slow = fast_and_slow(*payloads, good)
    assert all(are_equal(*tables) for tables in zip(fast, slow, strict=True))
    assert "undecodable" not in slow.rejects["reason"].to_pylist()


def reason_of(payload: bytes) -> str:
    with pytest.raises(Undecodable) as found:
        unpack(payload)
    fast, slow = fast_and_slow(payload, content_type=CONTENT_TYPE)
    assert fast.rejects["reason"].to_pylist() == slow.rejects["reason"].to_pylist() == [found.value.reason]
    return found.value.reason


HEAD = MAGIC + b"\x01"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"not packed at all", "bad_packed"),
        (MAGIC, "bad_packed"),
        (MAGIC + b"\x02", "unknown_version"),
        (HEAD, "bad_packed"),
        (HEAD + b"\0\0\0\x02d1\0", "no_points"),
        (HEAD + b"\0\0\0\x02d1\xa1\x38", "too_many_points"),
        (HEAD + b"\0\0\0\x02d1\xa0\x38", "bad_packed"),
        (HEAD + b"\0\0\0\x02d1" + b"\xff" * 9, "bad_packed"),
        (HEAD + b"\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7fd1", "bad_packed"),
        (HEAD + b"\x80\x80\x80\x80\x01\0\0\x02d1\x01\0", "bad_packed"),
        (HEAD + b"\0\x01\0\x02d1\x01\0", "bad_packed"),
        (HEAD + b"\x20\x20\0\x02d1\x01\0\x01\0", "bad_packed"),
        (HEAD + b"\0\0\0\x02d1\x01\0\0", "bad_packed"),
        (HEAD + b"\0\0\0\x01\xff\x01\0", "bad_packed"),
        (HEAD + b"\x01\x01\0\x02d1\x01\0\x00\0", "bad_packed"),
        (HEAD + b"\x01\x01\0\x02d1\x01\0\x03\0", "bad_packed"),
        (HEAD + b"\x01\0\0\x02d1\x01\0" + b"\xff" * 7 + b"\x7f", "bad_packed"),
    ],
)
def test_a_message_that_is_none_is_one_reject_with_its_reason(payload, reason):
    assert reason_of(payload) == reason


def test_ordinary_messages_are_read_by_the_kernel(monkeypatch):
    left: list[Received] = []
    monkeypatch.setattr(
        "ingest.scanned.decode", lambda messages, **_: left.extend(messages) or decode((), max_age_days=0)
    )
    fast, _ = fast_and_slow(*(pack("d1", DRIVE[:count], boot=41) for count in (1, 2, 3)))
    assert (left, fast.positions.num_rows, set(fast.positions["boot"].to_pylist())) == ([], 6, {41})


def test_a_receipt_lists_the_numbers_of_a_message():
    keys = receipt_keys(POS, pack("d1", DRIVE, boot=41))
    assert keys is not None
    assert (keys.ack_topic, keys.boot, keys.seqs) == ("tm/v1/t1/d1/ack", 41, (7, 8, 9))
    assert receipt_keys(POS, pack("d1", [POINT | {"seq": None}])) is None
    assert receipt_keys(POS, pack("d1", DRIVE)[:-1]) is None


def test_another_device_is_a_reject():
    fast, slow = fast_and_slow(pack("d2", DRIVE))
    assert fast.rejects["reason"].to_pylist() == slow.rejects["reason"].to_pylist() == ["device_mismatch"]


def test_a_bad_point_among_good_ones_is_kept_with_its_values():
    fast, slow = fast_and_slow(pack("d1", [DRIVE[0], DRIVE[1] | {"lat": 91.5}]))
    assert are_equal(fast.rejects, slow.rejects)
    (row,) = fast.rejects.to_pylist()
    assert (row["reason"], row["point_index"]) == ("position_out_of_range", 1)
    assert json.loads(row["payload"]) == DRIVE[1] | {"lat": 91.5}


@pytest.mark.parametrize(
    "points",
    [
        *([], [DRIVE[0]] * (MAX_PACKED_POINTS + 1), [DRIVE[0], DRIVE[2]], [DRIVE[0] | {"odo_m": MOST + 1}]),
        [DRIVE[0], DRIVE[1] | {"route_id": "R2"}],
    ],
)
def test_what_the_format_cannot_say_is_not_packed(points):
    with pytest.raises(ValueError, match=r"points|packed"):
        pack("d1", points)


def test_a_message_takes_no_more_than_its_bytes_allow():
    claim = HEAD + b"\0\0\0\x02d1\xa0\x38" + b"\0" * 4
    assert reason_of(claim) == "bad_packed"
    assert reference.MAX_PACKED_POINTS < 2**15  # a place in a message is an int16 in the lake
