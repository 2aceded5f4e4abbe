"""Decoding is total: rows or a reject with its reason, never an exception."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import LAKE_TABLES
from ingest.decode import Decoded, decode
from ingest.received import REASONS, Received, payload_hash
from ingest.topics import parse_topic
from tests.ingest.cards import passes_luhn

NOW_S = 1_772_208_125.0  # 2026-02-27 16:02:05 UTC
POINT = {"ts": NOW_S - 2, "lat": 40.748441, "lon": -73.985664}


def received(topic: str, payload: object, *, retain: bool = False) -> Received:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Received(topic, parse_topic(topic), content, round(NOW_S * 1e6), retain, "spool-1", 1, payload_hash(content))


def pos(*points: object, **more: object) -> Received:
    return received("tm/v1/t1/d1/pos", {"v": 1, "dev": "d1", "pts": list(points)} | more)


def decoded(*messages: Received, max_age_days: float = 30) -> Decoded:
    return decode(messages, max_age_days=max_age_days)


def only_row(messages: Decoded, table: str = "positions") -> dict[str, object]:
    rows = getattr(messages, table).to_pylist()
    assert len(rows) == 1, messages.rejects.to_pylist()
    return rows[0]


def reasons(messages: Decoded) -> list[str]:
    return messages.rejects["reason"].to_pylist()


def test_a_full_point_becomes_a_row_in_the_units_of_the_lake():
    point = POINT | {
        "seq": 918233, "alt_m": 18, "spd_kmh": 25.5, "hdg_deg": 271, "hdop": 0.8, "sat": 14, "acc_m": 4, "ign": True,
        "rpm": 690, "odo_m": 48212345, "fuel_pct": 62.4, "fuel_used_l": 10411.7, "batt_v": 14.1,
    }  # fmt: skip
    row = only_row(decoded(pos(point, boot=41)))
    expected = {
        "tenant_id": "t1", "device_id": "d1", "fix_ms": round((NOW_S - 2) * 1000), "latitude_e7": 407484410,
        "longitude_e7": -739856640, "speed_ckmh": 2550, "heading_ddeg": 2710, "altitude_dm": 180, "ignition": True,
        "rpm": 690, "odometer_m": 48212345, "fuel_cpct": 6240, "fuel_used_ml": 10411700, "battery_mv": 14100,
        "hdop_c": 80, "satellites": 14, "accuracy_dm": 40, "boot": 41, "seq": 918233, "quality": "good", "flags": "",
        "extra": None, "backlog": False,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_what_was_not_sent_is_null_and_never_zero():
    row = only_row(decoded(pos(POINT)))
    unsent = ["speed_ckmh", "heading_ddeg", "altitude_dm", "ignition", "rpm", "odometer_m", "fuel_cpct", "seq", "boot"]
    assert [row[name] for name in unsent] == [None] * len(unsent)


@pytest.mark.parametrize(("sent", "kept"), [({"pto": True}, True), ({"pto": 0}, False), ({}, None)])
def test_the_power_take_off_is_on_off_or_not_known(sent, kept):
    row = only_row(decoded(pos(POINT | sent)))
    assert (row["pto"], row["extra"]) == (kept, None)


def test_unknown_keys_are_kept_with_the_point():
    row = only_row(decoded(pos(POINT | {"x": {"axle": [1, 2]}, "mood": "good"}, fleet="blue")))
    assert json.loads(str(row["extra"])) == {"x": {"axle": [1, 2]}, "mood": "good", "fleet": "blue"}


def test_a_point_on_his_is_backlog():
    late = received("tm/v1/t1/d1/his", {"v": 1, "dev": "d1", "pts": [POINT]})
    assert only_row(decoded(late))["backlog"] is True


def test_a_device_that_says_it_has_no_fix_keeps_its_other_values():
    row = only_row(decoded(pos({"ts": NOW_S, "nofix": True, "spd_kmh": 12, "hdg_deg": 271, "alt_m": 18, "rpm": 690})))
    assert (row["latitude_e7"], row["quality"], row["rpm"]) == (None, "no_fix", 690)
    # The vehicle knows its speed, but heading and altitude come from a fix.
    assert (row["speed_ckmh"], row["heading_ddeg"], row["altitude_dm"]) == (1200, None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": None}, "missing_time"),
        ({"lat": None}, "position_missing"),
        ({"lat": 0, "lon": 0}, "position_zero"),
        ({"lat": 91}, "position_out_of_range"),
        ({"lon": -180.5}, "position_out_of_range"),
        ({"ts": NOW_S + 121}, "clock_ahead"),
        ({"ts": NOW_S - 31 * 86400}, "too_old"),
        ({"ts": 1e9}, "before_2015"),
        ({"ts": "noon"}, "wrong_type"),
        ({"lat": "40.7"}, "wrong_type"),
        ({"spd_kmh": [3]}, "wrong_type"),
        ({"ign": 2}, "wrong_type"),
        ({"pto": "on"}, "wrong_type"),
        ({"seq": 2**70}, "wrong_type"),
    ],
)
def test_a_bad_point_is_a_reject_and_its_neighbour_is_not(change, reason):
    result = decoded(pos(POINT, POINT | change))
    assert result.positions.num_rows == 1
    assert [(row["reason"], row["point_index"]) for row in result.rejects.to_pylist()] == [(reason, 1)]


def test_a_bad_point_among_good_ones_is_kept_as_it_was_sent():
    texts = [
        json.dumps(POINT),
        '{ "ts":1772208123,"lat":91.50, "lon":1,"x":{"axle":[1.10]},"nofix":null}',
        json.dumps(POINT | {"x": 1}),
        '{"ts":"noon",  "mood":"good"}',
        '{"ts":1772208123.0,"lat":0,"lon":0,"seq":7}',
    ]
    for points in (texts, [texts[0], texts[4]]):
        payload = f'{{"v":1,"dev":"d1","fleet":"blue","pts":[{",".join(points)}]}}'
        for body in (payload, payload.replace('"fleet":"blue",', "")):
            result = decoded(received("tm/v1/t1/d1/pos", body.encode()))
            found = {row["point_index"]: row["payload"].decode() for row in result.rejects.to_pylist()}
            assert found == {index: text for index, text in enumerate(points) if '"x": 1' not in text and index}


def test_a_message_without_a_usable_point_is_one_reject_of_the_whole_message():
    result = decoded(pos(POINT | {"lat": 91}, POINT | {"lat": 0, "lon": 0}))
    row = only_row(result, "rejects")
    assert (row["reason"], row["point_index"], row["rule_id"]) == ("position_out_of_range", None, "Q1")
    assert json.loads(row["payload"])["dev"] == "d1"


def test_the_status_fields_of_a_point_without_a_place_are_kept_as_an_event():
    event = only_row(decoded(pos(POINT, POINT | {"lat": None, "fuel_pct": 40})), "events")
    assert event["type"] == "status"
    assert json.loads(event["extra"])["fuel_pct"] == 40


def test_a_device_that_says_only_when_it_is_without_a_place_is_a_reject_and_seen():
    result = decoded(pos({"ts": NOW_S, "lat": 0, "lon": 0, "hdg_deg": 0, "alt_m": 0}))
    assert reasons(result) == ["position_zero"]
    event = only_row(result, "events")
    assert (event["type"], event["extra"]) == ("status", None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"{}", "missing_version"), (b"", "empty"), (b'{"v":1}', "missing_field"), (b'{"v":1,"st":""}', "wrong_type")],
)
@pytest.mark.parametrize("retain", [True, False])
def test_a_state_of_connection_that_says_nothing_is_a_reject(payload, reason, retain):
    result = decoded(received("tm/v1/t1/d1/sta", payload, retain=retain))
    assert (reasons(result), result.events.num_rows) == ([reason], 0)
    assert (only_row(result, "rejects")["device_id"], only_row(result, "rejects")["payload"]) == ("d1", payload)


@pytest.mark.parametrize("age_days", [29.9, 0])
def test_the_age_rule_follows_the_setting(age_days):
    old = pos(POINT | {"ts": NOW_S - 400 * 86400})
    assert decoded(old, max_age_days=0).positions.num_rows == 1
    fresh = pos(POINT | {"ts": NOW_S - age_days * 86400})
    assert decoded(fresh, max_age_days=30).positions.num_rows == 1


def test_a_gps_week_roll_over_is_corrected_and_flagged():
    row = only_row(decoded(pos(POINT | {"ts": NOW_S - 2 - 619_315_200})))
    assert (row["fix_ms"], row["flags"]) == (round((NOW_S - 2) * 1000), "gps_week_rollover")


def test_values_no_vehicle_has_are_refused_field_by_field():
    row = only_row(decoded(pos(POINT | {"spd_kmh": 410.4, "rpm": 9000, "odo_m": -1, "fuel_pct": 130})))
    assert [row[name] for name in ("speed_ckmh", "rpm", "odometer_m", "fuel_cpct")] == [None] * 4
    assert row["flags"] == "fuel_refused,odometer_refused,rpm_refused,speed_refused"


@pytest.mark.parametrize("poor", [{"hdop": 5.1}, {"sat": 3}, {"acc_m": 101}, {"valid": False}])
def test_a_poor_fix_is_kept_as_low_quality(poor):
    assert only_row(decoded(pos(POINT | poor)))["quality"] == "low"


def test_a_retained_position_is_quarantined():
    retained = received("tm/v1/t1/d1/pos", {"v": 1, "dev": "d1", "pts": [POINT]}, retain=True)
    row = only_row(decoded(retained), "rejects")
    assert (row["kind"], row["reason"]) == ("quarantine", "retained_position")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"\x00\xff\xfe", "not_json"),
        (b'{"v":1,"dev":"d1","pts":[{"ts":NaN}]}', "not_json"),
        (b"[1]", "not_an_object"),
        (b"{}", "missing_version"),
        (b'{"v":true}', "wrong_type"),
        (b'{"v":2,"dev":"d1","pts":[]}', "unknown_version"),
        (b'{"v":1,"pts":[]}', "missing_field"),
        (b'{"v":1,"dev":7,"pts":[]}', "wrong_type"),
        (b'{"v":1,"dev":"d1","pts":{}}', "wrong_type"),
        (b'{"v":1,"dev":"d1","pts":[]}', "no_points"),
        (b'{"v":1,"dev":"d1","pts":[7]}', "wrong_type"),
        (b'{"v":1,"dev":"other","pts":[{"ts":1}]}', "device_mismatch"),
        (b'{"v":1,"dev":"d1","pts":' + json.dumps([POINT] * 501).encode() + b"}", "too_many_points"),
        (b"x" * 70_000, "too_large"),
        (b"[" * 60_000, "not_json"),
        (b'{"v":1,"dev":"d1","pts":[{"ts":1e999,"lat":1,"lon":1}]}', "not_json"),
        (b'{"v":1,"dev":"\\ud800","pts":[]}', "not_json"),
    ],
)
def test_a_bad_message_is_one_reject_with_its_reason(payload, reason):
    result = decoded(received("tm/v1/t1/d1/pos", payload))
    assert (reasons(result), result.positions.num_rows) == ([reason], 0)
    assert reason in REASONS


def test_a_large_payload_is_kept_as_its_first_64_kib_with_its_length():
    row = only_row(decoded(received("tm/v1/t1/d1/pos", b"y" * 100_000)), "rejects")
    assert (len(row["payload"]), row["payload_size"]) == (65_536, 100_000)


def test_a_topic_that_is_not_ours_is_a_reject_without_a_tenant():
    row = only_row(decoded(received("weather/today", b"{}")), "rejects")
    assert (row["reason"], row["tenant_id"]) == ("unknown_topic", None)


def test_events_and_states_of_connection_become_events():
    harsh = {"v": 1, "dev": "d1", "ts": NOW_S, "type": "harsh_brake", "val": 0.42, "unit": "g", "thr": 0.36}
    will = {"v": 1, "st": "offline", "boot": 41}
    rows = decoded(received("tm/v1/t1/d1/evt", harsh), received("tm/v1/t1/d1/sta", will)).events.to_pylist()
    assert [(row["type"], row["value"]) for row in rows] == [("harsh_brake", 0.42), ("offline", None)]
    assert rows[1]["event_us"] == round(NOW_S * 1e6)  # a will cannot know its time


def test_a_purchase_keeps_its_decimals_and_masks_card_numbers():
    purchase = (
        b'{"v":1,"event_type":"clear","provider_txn_id":"t-1","quantity":27.300,"unit":"gal","unit_price":3.459,'
        b'"gross":94.43,"currency":"USD","card_id":"4111111111111111","pin":"1234","note":5500005555555559}'
    )
    result = decoded(received("fc/v1/t1/wex/txn", purchase))
    row = only_row(result, "purchases")
    assert (str(row["quantity"]), str(row["unit_price"])) == ("27.300000", "3.459000")
    assert row["card_id"] == "************1111"
    assert json.loads(row["extra"]) == {"pin": "****", "note": "************5559"}


@pytest.mark.parametrize(
    "number", ["-4111111111111111", "4111111111111111.5", "4111111111111111e5", "4111111111111111"]
)
def test_masking_a_bare_number_leaves_valid_json(number):
    purchase = (
        f'{{"v":1,"event_type":"auth","provider_txn_id":"a \\" 1","note":{number},"text":"x 4111111111111111 y"}}'
    )
    row = only_row(decoded(received("fc/v1/t1/wex/txn", purchase.encode())), "purchases")
    assert json.loads(row["extra"]) == {"note": "************1111", "text": "x ************1111 y"}


def test_transaction_numbers_that_look_like_cards_and_end_alike_stay_apart():
    numbers = ["4111111111111111", "4111111111291111", "4111111111371111"]
    assert all(passes_luhn(number) for number in numbers)
    purchases = [{"v": 1, "event_type": "clear", "provider_txn_id": number} for number in numbers]
    result = decoded(*(received("fc/v1/t1/wex/txn", purchase) for purchase in purchases))
    found = result.purchases["provider_txn_id"].to_pylist()
    assert len(set(found)) == 3
    assert all(name.startswith("************1111-") for name in found)


def test_rejected_card_messages_are_masked_too():
    row = only_row(decoded(received("fc/v1/t1/wex/txn", b'{"v":1,"card":"4111111111111111"')), "rejects")
    assert b"4111111111111111" not in row["payload"]
    assert b"1111" in row["payload"]


def test_a_plan_becomes_one_row_a_route_and_a_bad_route_costs_only_itself():
    plan = {
        "v": 1,
        "service_date": "2026-02-27",
        "issued_utc": "2026-02-27T05:00:00Z",
        "routes": [
            {
                "route_id": "R207",
                "vehicle_id": "V12",
                "planned_exit_utc": NOW_S,
                "stops": [{"seq": 1, "lat": 1, "lon": 2}],
            },
            {"route_id": "R208"},
        ],
    }
    result = decoded(received("rt/v1/t1/dax7/plan", plan))
    assert only_row(result, "plans")["route_id"] == "R207"
    assert [(row["reason"], row["point_index"]) for row in result.rejects.to_pylist()] == [("missing_field", 1)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"service_date": "9999-12-31"}, "time_out_of_range"),
        ({"service_date": "0001-01-01"}, "time_out_of_range"),
        ({"service_date": 20260227}, "wrong_type"),
        ({"issued_utc": NOW_S + 2 * 86_400}, "clock_ahead"),
        ({"issued_utc": "0001-01-01T00:00:00+14:00"}, "wrong_type"),
        ({"routes": []}, "no_points"),
        ({"routes": [{"route_id": "R", "vehicle_id": "V", "planned_exit_utc": 1e10}]}, "time_out_of_range"),
        (
            {"routes": [{"route_id": "R", "vehicle_id": "V", "planned_exit_utc": NOW_S, "planned_return_utc": 1}]},
            "time_out_of_range",
        ),
        (
            {"routes": [{"route_id": "R", "vehicle_id": "V", "stops": [{"seq": 2**40, "lat": 1, "lon": 1}]}]},
            "wrong_type",
        ),
        (
            {"routes": [{"route_id": "R", "vehicle_id": "V", "stops": [{"seq": 1, "lat": 1e308, "lon": 1}]}]},
            "wrong_type",
        ),
    ],
)
def test_a_plan_that_would_take_fixes_from_other_dates_is_a_reject(change, reason):
    plan = {"v": 1, "service_date": "2026-02-27", "routes": [{"route_id": "R", "vehicle_id": "V"}]} | change
    assert reasons(decoded(received("rt/v1/t1/x/plan", plan))) == [reason]


@pytest.mark.parametrize(
    "change",
    [
        {"tz": "Mars/Olympus"},
        {"ts_utc": "tomorrow"},
        {"quantity": 1e300},
        {"quantity": "1e1000000000"},
        {"tz": "localtime"},
        {"tz": "posixrules"},
        {"item_no": 0},
        {"posted_date": "x"},
    ],
)
def test_a_purchase_nobody_can_date_or_count_is_a_reject(change):
    purchase = {"v": 1, "event_type": "clear", "provider_txn_id": "t"} | change
    assert reasons(decoded(received("fc/v1/t1/wex/txn", purchase))) == ["wrong_type"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["v", "dev", "pts", "ts", "lat", "lon", "boot", "event_type", "routes", "service_date", "st", "type"]
)
TOPICS = st.sampled_from(
    [
        "tm/v1/t1/d1/pos",
        "tm/v1/t1/d1/his",
        "tm/v1/t1/d1/evt",
        "tm/v1/t1/d1/sta",
        "fc/v1/t1/wex/txn",
        "rt/v1/t1/x/plan",
        "a",
    ]
)
NOISE = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(KEYS, JSON | st.just(1) | st.just("d1"), max_size=8).map(
        lambda value: json.dumps(value | {"v": 1}).encode()
    )
)


@given(st.lists(st.tuples(TOPICS, NOISE), min_size=1, max_size=8))
@settings(deadline=None, max_examples=200)
def test_whatever_comes_in_something_comes_out(messages):
    result = decoded(*(received(topic, payload) for topic, payload in messages))
    rows = sum(getattr(result, table.name).num_rows for table in LAKE_TABLES)
    assert rows >= len(messages)
    assert set(reasons(result)) <= REASONS.keys()


def test_a_thousand_malformed_messages_leave_a_thousand_rows_and_cost_no_good_one():
    kinds = [
        lambda n: received("tm/v1/t1/d1/pos", b"{not json %d" % n),
        lambda n: received("tm/v1/t1/d1/pos", {"v": 1, "dev": "d1", "pts": [{"ts": "x", "lat": n}]}),
        lambda n: received("tm/v1/t1/d1/pos", b"z" * (66_000 + n)),
        lambda n: received(f"tm/v1/t1/d{n}/pos", b""),
        lambda n: received("tm/v1/t1/d1/evt", bytes([n % 256, 255, 0, n // 256])),
        lambda n: received("tm/v1/t1/d1/pos", {"v": 1, "dev": f"thief-{n}", "pts": [POINT]}),
        lambda n: pos(POINT | {"ts": NOW_S + 86_400 + n}),
        lambda n: received("rt/v1/t1/x/plan", b"[" * (1000 + n) + b"]" * (1000 + n)),
        lambda n: received("fc/v1/t1/wex/txn", {"v": 1, "event_type": "guess", "n": n}),
        lambda n: received("tm/v1/t1/d1/sta", {"v": 1, "st": "asleep", "n": n}),
    ]
    bad = [kinds[n % len(kinds)](n) for n in range(1000)]
    good = [pos(POINT | {"ts": NOW_S - n}) for n in range(1000)]
    result = decoded(*(found for pair in zip(bad, good, strict=True) for found in pair))
    assert (result.rejects.num_rows, result.positions.num_rows) == (1000, 1000)
