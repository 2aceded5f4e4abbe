"""What is read from bytes is what the JSON says, to the last bit, and whatever is odd is left alone."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.native import MAX_POINTS, VERSION, Point
from ingest.scanned import PADDING
from kernels.json_points import json_points
from kernels.json_reading import MAX_POINTS as KERNEL_MAX_POINTS
from kernels.json_reading import VERSION as KERNEL_VERSION
from kernels.point_cells import KEYS, NUMBERS, ROUTE, SAID, SWITCHES, PointCells
from kernels.point_cells import PADDING as KERNEL_PADDING

LAT, ODO_M = NUMBERS.index("lat"), NUMBERS.index("odo_m")


def scanned(*messages: bytes, device: bytes = b"d1") -> PointCells:
    ends = np.cumsum([len(message) for message in messages], dtype=np.int64)
    begins = ends - [len(message) for message in messages]
    text = np.frombuffer(b"".join(messages) + bytes(KERNEL_PADDING), np.uint8)
    return json_points(text, begins, ends, [b"another", device], np.ones(len(messages), np.int64))


def said(value: str) -> bytes:
    return f'{{"v":1,"dev":"d1","pts":[{{"ts":1,"lat":{value},"lon":2}}]}}'.encode()


def test_the_kernel_and_ingest_speak_of_the_same_message():
    assert set(KEYS) == set(Point.__struct_fields__)
    assert (KERNEL_MAX_POINTS, KERNEL_VERSION, KERNEL_PADDING) == (MAX_POINTS, VERSION, PADDING)


DECIMALS = st.decimals(-(10**16), 10**16, allow_nan=False, places=None).map(lambda number: f"{number:f}")
TEXTS = st.from_regex(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,10})?", fullmatch=True)


@given(st.lists(st.one_of(DECIMALS, TEXTS, st.floats(-1e9, 1e9).map(repr)), min_size=1, max_size=20))
@settings(deadline=None)  # the first call compiles
def test_a_number_is_the_float64_nearest_to_its_decimal(numbers):
    found = scanned(*map(said, numbers))
    for message, number in enumerate(numbers):
        if found.is_read[message]:
            value = found.values[LAT, found.starts[message]]
            assert (value, math.copysign(1, value)) == (float(number), math.copysign(1, float(number)))
        else:
            whole, _, decimals = number.lstrip("-").partition(".")
            digits = whole + decimals
            is_long = len(digits) > 18 or max(len(whole), len(decimals)) > 16
            assert "e" in number or is_long or int(digits) > 2**53 or int(digits) == 0


@pytest.mark.parametrize("number", ["0", "7", "-7.5", "12345678", "123456789", "1.12345678", "1.123456789", "0.1"])
def test_ordinary_numbers_are_read(number):
    found = scanned(said(number))
    assert found.is_read.tolist() == [True]
    assert found.values[LAT, 0] == float(number)


@pytest.mark.parametrize(
    "odd",
    [
        *("-0", "01", "-01", "1.", ".5", "-", "+1", "1e3", "1E3", "null", "true", '"1"', "[1]", "{}", "1 2", "1x", ""),
        *("9007199254740993", "1234567890123456789", "0.1234567890123456789", "1,", '1,"x":3', '1,"lat":2', "1}"),
        *('1,"ign":1', '1,"ign":True', '1,"ign":truth', '1,"sat":1000', '1,"sat":3.0', '1,"route_id":"\\u0052"'),
        *('1,"route_id":"é"', '1,"route_id":"a\tb"', '1,"route_id":7', '1,"seq":1.5', '1,"v":1', '1,"laT":1'),
    ],
)
def test_what_is_odd_is_left_alone_and_its_neighbours_are_not(odd):
    assert scanned(said("1"), said(odd), said("2")).is_read.tolist() == [True, False, True]


@pytest.mark.parametrize(
    "message",
    [
        *(b"", b"{", b"{}", b"[]", b'"', b"{" * 40, b'{"v":1', b'{"v":1,"dev":"d1","pts":[]}', said("1") + b"x"),
        *(b" " * 40, said("1")[:-1], said("1") * 2, said("1").replace(b"d1", b"d2"), said("1").replace(b"d1", b"d")),
        *(said("1").replace(b'"v":1', b'"v":2'), said("1").replace(b'"v":1,', b""), b'{"v":1,"dev":"d1"}'),
        said("1").replace(b'"v":1', b'"v":1,"boot":1.5'),
        said("1").replace(b'"v":1', b'"v":1,"sent":"now"'),
        b'{"v":1,"dev":"d1","pts":[' + b",".join([b'{"ts":1}'] * (MAX_POINTS + 1)) + b"]}",
    ],
)
def test_a_message_that_is_none_is_left_alone(message):
    assert scanned(message, said("1")).is_read.tolist() == [False, True]


POINTS = st.dictionaries(
    st.sampled_from([key for key in KEYS if key not in ("seq", "sat", "route_id")]), st.booleans(), max_size=12
)


@given(st.lists(POINTS, min_size=1, max_size=5), st.randoms(), st.sampled_from([None, 1, "\t"]))
@settings(deadline=None)
def test_keys_come_in_any_order_with_any_blanks(wanted, chance, indent):
    points = [
        {key: flag if key in SWITCHES else 3.5 + flag for key, flag in one.items()}
        | {"ts": 1.5, "seq": 2**52, "sat": 9, "route_id": "R 2"}
        for one in wanted
    ]
    body = [("v", 1), ("dev", "d1"), ("pts", points), ("boot", 4), ("sent", 1.25)]
    chance.shuffle(body)
    found = scanned(json.dumps(dict(body), indent=indent).encode())
    assert (found.is_read.tolist(), found.boot.tolist()) == ([True], [4])
    assert found.starts.tolist() == [0, len(points)]
    for row, point in enumerate(points):
        sent = {KEYS[key] for key in range(len(KEYS)) if found.cells[SAID, row] >> key & 1}
        assert sent == set(point)
        assert all(found.values[NUMBERS.index(key), row] == point[key] for key in NUMBERS if key in point)
        assert (found.cells[16, row], found.cells[17, row], found.cells[ROUTE, row] & 0xFFFF) == (2**52, 9, 3)


def test_a_text_without_its_padding_is_refused():
    message = np.frombuffer(said("1"), np.uint8)
    with pytest.raises(ValueError, match="padding"):
        json_points(message, np.zeros(1, np.int64), np.array([message.size]), [b"d1"], np.zeros(1, np.int64))
