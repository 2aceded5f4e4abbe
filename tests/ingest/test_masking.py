"""No card number and no PIN leaves the spool, however a bridge writes its JSON."""

import json
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import LAKE_TABLES
from ingest.decode import decode
from ingest.masking import is_pin, masked, passes_luhn
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic

CARD = "4111111111111111"
NOW_US = 1_772_208_125_000_000


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if passes_luhn(digits + last))


def card_message(payload: bytes, topic: str = "fc/v1/t1/wex/txn") -> Received:
    return Received(topic, parse_topic(topic), payload, NOW_US, False, "spool-1", 1, payload_hash(payload))


def kept(payload: bytes, topic: str = "fc/v1/t1/wex/txn") -> str:
    """All text and bytes that a message leaves in the lake."""
    result = decode([card_message(payload, topic)], max_age_days=30)
    values = [
        value for table in LAKE_TABLES for row in getattr(result, table.name).to_pylist() for value in row.values()
    ]
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values]
    return "\n".join(texts)


def purchase(**more: object) -> dict[str, object]:
    return {"v": 1, "event_type": "clear", "provider_txn_id": "t-1"} | more


def hidden(document: object) -> object:
    return json.loads(masked(json.dumps(document).encode()).payload)


@pytest.mark.parametrize(
    "body",
    [
        rb'"note":"\u0034\u0031\u00311111111111111"',
        rb'"note":"411111\u00311111\u00311111"',
        rb'"note":"4111 1111 1111 1111"',
        rb'"note":"4111-1111-1111-1111"',
        rb'"note":"4111\u00201111\u002d1111\u00a01111"',
        rb'"note":"4111 - 1111\u20131111  1111"',
        rb'"note":"No.4111111111111111"',
        rb'"note":4111111111111111',
        rb'"note":4111111111111111.0',
        rb'"note":4.111111111111111e15',
        rb'"note":41111111111111110E-1',
        rb'"4111111111111111":1',
        rb'"4111 1111 1111 1\u0031\u00311":1',
        rb'"note":[[{"deep":["4111111111111111"]}]]',
        rb'"note":"4111111111111111","note":"hidden by a second key"',
        rb'"raw":"{\"card\":\"4111111111111111\"}"',
        rb'"raw":"{\"card\":4111111111111111}"',
        rb'"raw":"{\"card\":\"\\u00341\\u00311111111111111\"}"',
        rb'"raw":"[\"4111-1111-1111-1111\""',
        rb'"raw":"\\u0034111111111111111"',
        "\"note\":\"４１１１ 1111 1111 1111\"".encode(),
        rb'"seq":4111111111111111',
        rb'"ts_local":"4111111111111111"',
        rb'"note":"\ud800 4111111111111111"',
        rb'"note":[NaN,"4111111111111111"]',
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [b"}", b"", b',"x":"\xff"}'])
def test_a_card_number_is_found_however_it_is_written(body, end):
    found = kept(b'{"v":1,"event_type":"clear","provider_txn_id":"t-1",' + body + end)
    plain = re.sub(r"\\+u00(\d\d)", lambda one: chr(int(one[1], 16)), found)
    assert not re.search(r"4\D{0,3}1\D{0,3}1\D{0,3}1\D{0,3}1\D{0,3}1", plain), found
    assert "４１１１" not in found
    assert "1111" in found or "a second key" in found


@pytest.mark.parametrize(
    "key", ["pin", "PIN", "Pin", "card_pin", "driver_pin", "pinCode", "driverPin", "DRIVERPIN", "pin-code", "pin_1",
            "PINCode", "driver pin", r"\u0070in", r"p\u0069n_code", "pIn"],
)  # fmt: skip
@pytest.mark.parametrize("value", ['"9876"', "9876", "98.76", r'"\u00398\u00376"', '["9876"]', '{"value":"9876"}'])
def test_a_pin_is_removed_whatever_its_key_looks_like(key, value):
    found = kept(f'{{"v":1,"event_type":"clear","provider_txn_id":"t-1","{key}":{value}}}'.encode())
    assert "****" in found
    assert not re.search("9876|98.76|00398", found)


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"v":1,"pin":"9876',
        rb'{"v":1,"driver_pin":"9876","x"',
        rb'{"v":1,"\u0070in":9876,',
        rb'{"raw":"{\"pin\":\"9876\",\"x\":1}",',
        rb"{'pin': '9876'}",
        rb'{"v":1,"raw":"{\"pin\":\"9876\""}',
    ],
)
def test_a_pin_is_removed_from_what_is_not_json(payload):
    found = kept(payload)
    assert "****" in found
    assert "9876" not in found


@pytest.mark.parametrize("key", ["shipping", "pinned", "spin", "opinion", "ping", "mapping"])
def test_other_words_are_no_pins(key):
    assert not is_pin(key)
    assert hidden({key: "9876"}) == {key: "9876"}


def test_what_is_not_a_card_number_stays_byte_by_byte():
    texts = {
        "seq": "20260227160205", "ts_utc": 1772208123003, "lat": 40.74844100000005, "gross": "27.30000000000000003",
        "uuid": "0a1b2c3d-4111-1111-1111-111111111111", "note": "4111111111111112", "x": 1e400, "phone": "212 555 0100",
    }  # fmt: skip
    payload = json.dumps(texts, indent=3).encode()
    assert masked(payload) == (payload, True)
    long = with_check_digit("41111111111111111111")
    assert hidden({"n": long}) == {"n": long}  # 21 digits are no card number


def test_a_time_is_spared_in_the_order_of_versions_only():
    times = [str(number) for number in range(20260227160200, 20260227160260) if passes_luhn(str(number))]
    assert times
    assert hidden({"seq": times[0], "ts": int(times[0])}) == {"seq": times[0], "ts": int(times[0])}
    assert hidden({"note": times[0]}) == {"note": "*" * 10 + times[0][-4:]}


def test_masking_rewrites_nothing_else():
    payload = (
        rb'{"v":1,"a":1.10,"b":1e2,"c":"\ud800\u00e9","a":[true,null,-0.0],"card":"4111111111111111","e":{},"f":[]}'
    )
    expected = (
        b'{"v":1,"a":1.10,"b":1e2,"c":"\\ud800\xc3\xa9","a":[true,null,-0.0],"card":"************1111","e":{},"f":[]}'
    )
    assert masked(payload) == (expected, True)


@pytest.mark.parametrize("depth", [300, 900, 940, 960, 970, 980, 990, 1_000, 5_000, 20_000])
def test_nesting_hides_nothing(depth):
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = opening * depth + rb'"\u0034111111111111111"' + closing * depth
        found = kept(b'{"v":1,"event_type":"clear","provider_txn_id":"t-1","x":' + inner + b',"\\u0070in":"9876"}')
        assert not re.search(r"4111111111111111|u0034111|9876", found)


def test_a_topic_that_is_not_ours_is_masked_as_well():
    for topic in ("fc/v1/t1/" + "x" * 200 + "/txn", "fc/v1/t1/wex/other", "fc/v2/t1/wex/txn"):
        found = kept(json.dumps(purchase(note=CARD)).encode(), topic)
        assert CARD not in found
        assert "unknown_topic" in found


def test_the_size_of_a_reject_is_that_of_the_message_and_masking_makes_none_too_large():
    payload = b'{"v":1,"event_type":"guess", "n":[' + b",".join([CARD.encode()] * 3_800) + b"]}"
    assert len(payload) < 65_536 < len(masked(payload).payload)
    (row,) = decode([card_message(payload)], max_age_days=30).rejects.to_pylist()
    assert (row["reason"], row["payload_size"]) == ("wrong_type", len(payload))


def test_a_hostile_payload_costs_no_time_out_of_proportion():
    for noise in (b"1 " * 6_000, b"\\" * 64_000, b'"pin' * 4_000, b"4111-" * 3_000, b'"' * 16_000):
        masked(noise)
        masked(json.dumps({"x": noise.decode()}).encode())


NUMBERS = (
    st.text("0123456789", min_size=12, max_size=18).map(with_check_digit).filter(lambda text: text[0] not in "0 12")
)
KEYS = st.sampled_from(
    ["card_id", "note", "seq", "ts_utc", "provider_txn_id", "site_name", "odometer_typed", "x", "pin"]
)
AROUND = st.text(st.characters(exclude_categories=["Nd", "No", "Cs"], exclude_characters="\0"), max_size=6)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_card_number_is_left_in_the_lake(data):
    number = data.draw(NUMBERS)
    places = product(["", " ", "-", " - "], ["", "\\u"])
    choices = data.draw(st.lists(st.sampled_from(list(places)), min_size=len(number), max_size=len(number)))
    is_spread = data.draw(st.booleans())
    written = "".join(
        (gap if is_spread and place else "") + (f"\\u{ord(digit):04x}" if escape else digit)
        for place, (digit, (gap, escape)) in enumerate(zip(number, choices, strict=True))
    )
    around = [json.dumps(data.draw(AROUND))[1:-1] for _ in range(2)]
    text = f'"{around[0]}{written}{around[1]}"'
    key, nest = data.draw(KEYS), data.draw(st.sampled_from(["{}", "[[{}]]", '{{"a":{}}}', '[1,{{"b":{}}},2]', "twice"]))
    member = f'"{key}":{text},"{key}":"second"' if nest == "twice" else f'"{key}":{nest.format(text)}'
    if data.draw(st.booleans()):
        member = f'"raw":{json.dumps("{" + member + "}")}'
    end = data.draw(st.sampled_from(["}", "", ",}"]))
    found = kept(f'{{"v":1,"event_type":"clear","provider_txn_id":"t-1",{member}{end}'.encode())
    plain = re.sub(r"\\+u00(3\d|2[0d])", lambda one: chr(int(one[1], 16)), found)
    digits = re.sub(r"(?<=\d)[ -]{0,3}(?=\d)", "", plain)
    assert number not in digits
