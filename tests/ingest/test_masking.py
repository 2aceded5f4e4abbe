"""No card number and no PIN leaves the spool, however a bridge writes its JSON."""

import json
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import LAKE_TABLES
from ingest.decode import decode
from ingest.masking import _card_numbers, is_pin, masked
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic
from tests.ingest.cards import passes_luhn

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
        rb'"note":"4111.1111.1111.1111"',
        rb'"note":"4111/1111/1111/1111"',
        rb'"note":"4111_1111_1111_1111"',
        rb'"note":"4111, 1111, 1111, 1111"',
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


@pytest.mark.parametrize(
    "member",
    [
        '"prompts":[{"name":"PIN","value":"9876"}]', '"x":{"answer":9876,"prompt":"Driver PIN"}', '"fuelpin":"9876"',
        '"note":"pin=9876&x=1"', '"note":"site 4, PIN: 9876"', '"xml":"<pin>9876</pin>"', '"note":"pin 9876"',
        '"raw":"{pin:9876}"', '"note":"shipping: pin=9876"', '"personalIdentificationNumber":"9876"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["}", ""])
def test_a_pin_is_removed_where_a_value_or_a_text_names_it(member, end):
    if end or ("value" not in member and "answer" not in member):
        found = kept(f'{{"v":1,"event_type":"clear","provider_txn_id":"t-1",{member}{end}'.encode())
        assert "****" in found
        assert "9876" not in found


def test_names_of_other_things_hide_no_value():
    document = {"name": "Shipping", "value": "9876", "note": "shipping: 9876, spin=2, pinned: 7"}
    assert hidden(document) == document
    document = {"note": "he lost a pin, 12 of them, and the pin is red"}
    assert hidden(document) == document


@pytest.mark.parametrize(
    "payload",
    [
        '{"card":"4111111111111111","pin":"9876"}'.encode("utf-16"),
        '{"card":"4111111111111111","pin":"9876"}'.encode("utf-16-be"),
        '{"card":"4111111111111111","pin":"9876"}'.encode("utf-32-le"),
        b'\0{"card":"4111111111111111","pin":"9876"}',
        "\ufeff４１１１１１１１１１１１１１１１".encode("utf-16-be"),
    ],
)
def test_of_a_payload_in_another_encoding_only_the_length_is_kept(payload):
    (row,) = decode([card_message(payload)], max_age_days=30).rejects.to_pylist()
    assert (row["reason"], row["payload_size"]) == ("not_json", len(payload))
    assert row["payload"] == b"%d bytes that are not UTF-8 text, not kept" % len(payload)


def test_a_card_number_in_a_topic_is_masked_and_two_stay_two():
    body = json.dumps(purchase(ts_utc=NOW_US / 1e6, quantity=1, unit="gal", product="gasoline_regular")).encode()
    cards = (CARD, with_check_digit("900511112221111"))
    assert cards[1][-4:] != "1111" or cards[0] != cards[1]
    messages = [card_message(body, f"fc/v1/t1/{card}/txn") for card in cards]
    providers = decode(messages, max_age_days=30).purchases["provider"].to_pylist()
    assert [provider[:12] for provider in providers] == ["*" * 12] * 2
    assert len(set(providers)) == 2
    for topic in (f"fc/v1/t1/{CARD}/txn", f"fc/v1/{CARD}/wex/txn", f"fc/v1/t1/{CARD}/other"):
        assert CARD not in kept(b"broken", topic)


@pytest.mark.parametrize("tail", ["", "x"])
def test_what_others_tell_of_fuel_keeps_no_card_number_but_its_device(tail):
    imei = "356938035643809"
    assert passes_luhn(imei)
    body = {"vehicleId": imei, "ts": "2026-02-27T16:02:00Z", "receivedTs": "2026-02-27T16:02:01Z",
            "pos": {"latlon": {"lat": 40.7, "lng": -73.9}}, "cardNumber": CARD, "pin": "9876"}  # fmt: skip
    topic = f"fleet/{imei}/fuel"
    found = kept(json.dumps(body).encode() + tail.encode(), topic)
    assert "9876" not in found
    assert CARD not in found
    assert "************1111" in found
    decoded = decode([card_message(json.dumps(body).encode(), topic)], max_age_days=30)
    assert decoded.positions["device_id"].to_pylist() == [imei]
    for broken in (json.dumps(body | {"ts": 7.5}).encode(), json.dumps([body, body | {"pos": 1}]).encode()):
        assert CARD not in kept(broken, topic)
    assert CARD not in kept(json.dumps(body).encode(), "acme/fuel/nobody")


def test_what_an_event_keeps_beside_its_own_keys_is_masked():
    imei = "356938035643809"
    event = {"v": 1, "dev": imei, "ts": NOW_US / 1e6, "type": "swipe", "x": {"card": CARD}, "pin": "9876"}
    (row,) = decode(
        [card_message(json.dumps(event).encode(), f"tm/v1/t1/{imei}/evt")], max_age_days=30
    ).events.to_pylist()
    assert row["device_id"] == imei
    assert json.loads(row["extra"]) == {"x": {"card": "************1111"}, "pin": "****"}
    assert CARD not in kept(json.dumps(event | {"dev": "other"}).encode(), f"tm/v1/t1/{imei}/evt")


@given(st.integers(-600, 20), st.sampled_from(["", " ", "-"]), st.booleans())
@settings(deadline=None, max_examples=15)
def test_what_is_too_large_is_masked_as_far_as_it_is_kept(offset, gap, escaped):
    digits = gap.join(f"\\u{ord(digit):04x}" if escaped else digit for digit in CARD)
    start = b'{"v":1,"x":"' + b"x" * (65_536 + offset - 13) + b" "
    payload = start + digits.encode() + b'","pin":"9876"}' + b" " * 70_000
    (row,) = decode([card_message(payload)], max_age_days=30).rejects.to_pylist()
    assert (row["reason"], row["payload_size"]) == ("too_large", len(payload))
    assert 64_000 < len(row["payload"]) <= 65_536
    assert set(row["payload"][20:]) <= {ord("x")}


@given(st.lists(st.tuples(st.text("0123456789", min_size=1, max_size=20), st.sampled_from(" -")), max_size=12))
def test_the_sums_find_what_the_check_of_each_piece_finds(pieces):
    groups = [group for group, _ in pieces]
    run = "".join(group + gap for group, gap in pieces)
    places = [(found.start(), found.end()) for found in re.finditer(r"\d+", run)]
    expected = {
        (first, last)
        for first in range(len(groups))
        for last in range(first, len(groups))
        if 13 <= len(digits := "".join(groups[first : last + 1])) <= 19 and passes_luhn(digits)
    }
    assert set(_card_numbers(run, places)) == expected


@pytest.mark.parametrize(
    "text",
    ["40.748441,-73.985664", "1772208123.123456", "94.42999999999999", "1,234,567,890,123", "27.02.2026 16.02.03"],
)
def test_points_and_commas_of_numbers_make_no_card_of_them(text):
    for number in range(100):  # whatever the check says
        one = text[:-2] + f"{number:02}"
        assert hidden({"note": one}) == {"note": one}


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
