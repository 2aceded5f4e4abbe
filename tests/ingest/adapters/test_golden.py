"""The golden messages of one fix, as each format says it, become the same values; what a format lacks is null."""

import json

import pytest

from ingest.adapters.sources import Sources
from ingest.decode import decode
from tests.ingest.adapters.foreign import DATA, NOW_S, epoch_s, fixes, foreign

OWNTRACKS = b"""{"_type": "location", "lat": 40.748441, "lon": -73.985664, "tst": 1772208123, "created_at": 1772208790,
 "acc": 4, "vel": 25, "cog": 271, "alt": 18, "batt": 83, "tid": "12"}"""
TRACCAR = b"""{"position": {"protocol": "teltonika", "deviceTime": "2026-02-27T16:02:03.000+00:00",
 "fixTime": "2026-02-27T16:02:03.000+00:00", "serverTime": "2026-02-27T16:02:05.120+00:00", "valid": true,
 "latitude": 40.748441, "longitude": -73.985664, "altitude": 18.0, "speed": 13.5, "course": 271.0, "accuracy": 0.0,
 "attributes": {"ignition": true, "motion": true, "sat": 14, "hdop": 0.8, "odometer": 48212345, "fuelLevel": 62.4,
 "rpm": 1480, "power": 14.1}}, "device": {"uniqueId": "860000000000012", "name": "V12"}}"""
FLESPI = b"""{"ident": "860000000000012", "timestamp": 1772208123.25, "server.timestamp": 1772208125.4,
 "position.latitude": 40.748441, "position.longitude": -73.985664, "position.speed": 25, "position.direction": 271,
 "position.altitude": 18, "position.hdop": 0.8, "position.satellites": 14, "position.valid": true,
 "engine.ignition.status": true, "can.vehicle.mileage": 48212.345, "can.fuel.level": 62.4,
 "external.powersource.voltage": 14.1}"""
TELTONIKA = b"""{"state": {"reported": {"ts": 1772208123000, "pr": 0, "latlng": "40.748441,-73.985664", "alt": 18,
 "ang": 271, "sat": 14, "sp": 25, "evt": 0, "239": 1, "240": 1, "16": 48212345, "182": 8, "66": 14100, "89": 62}}}"""

GOLDEN = {
    "owntracks": ("owntracks/fleet/van12", OWNTRACKS),
    "traccar": ("traccar/positions", TRACCAR),
    "flespi": ("flespi/message/gw/devices/4711", FLESPI),
    "teltonika": ("860000000000012/data", TELTONIKA),
}
COLUMNS = ("device", "ts", "spd_kmh", "ign", "odo_m", "fuel_pct", "hdop", "sat", "acc_m", "batt_v", "his")
TABLE = {
    "owntracks": ("fleet/van12", 1772208123.0, 25.0, None, None, None, None, None, 4, None, True),
    "traccar": ("860000000000012", 1772208123.0, 25.002, True, 48212345, 62.4, 0.8, 14, None, 14.1, None),
    "flespi": ("860000000000012", 1772208123.25, 25.0, True, 48212345, 62.4, 0.8, 14, None, 14.1, None),
    "teltonika": ("860000000000012", 1772208123.0, 25.0, True, 48212345, 62.0, 0.8, 14, None, 14.1, None),
}


def read(name: str, *change: tuple[bytes, bytes]):
    topic, payload = GOLDEN[name]
    for old, new in change:
        assert old in payload
        payload = payload.replace(old, new)
    (fix,) = fixes(Sources(), topic, payload)
    return fix


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_message_gives_the_values_of_the_table(name):
    fix = read(name)
    found = (fix.device_id, *(getattr(fix.point, column) for column in COLUMNS[1:]))
    for column, value, expected in zip(COLUMNS, found, TABLE[name], strict=True):
        same = value == pytest.approx(expected, abs=1e-9) if isinstance(expected, float) else value == expected
        assert same, (column, value)
    assert (fix.point.lat, fix.point.lon, fix.point.hdg_deg, fix.point.alt_m) == (40.748441, -73.985664, 271, 18)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_message_is_one_good_row_of_the_foreign_tenant(name):
    topic, payload = GOLDEN[name]
    result = decode([foreign(topic, payload)], max_age_days=30, sources=Sources(tenant="acme"))
    (row,) = result.positions.to_pylist()
    assert (row["tenant_id"], row["source_format"], row["quality"], row["flags"]) == ("acme", name, "good", "")
    assert row["backlog"] is (name == "owntracks")


def test_a_backlog_flag_comes_from_the_message_and_not_from_its_arrival():
    for name in ("traccar", "flespi", "teltonika"):
        late = foreign(*GOLDEN[name], at_s=NOW_S + 86_400)
        assert decode([late], max_age_days=30).positions["backlog"].to_pylist() == [False]
    assert read("traccar", (b'"motion": true', b'"archive": true')).point.his is True
    assert read("traccar", (b"16:02:05.120", b"16:04:05.120")).point.his is True
    assert read("flespi", (b"1772208125.4", b"1772208243.4")).point.his is True


@pytest.mark.parametrize("offset", [b"+0000", b"+00:00", b"Z"])
def test_traccar_times_may_be_written_in_three_ways(offset):
    assert read("traccar", (b"+00:00", offset)).point.ts == 1772208123.0


def test_a_speed_over_the_diagnostic_socket_is_kilometres_and_gps_speed_knots():
    assert read("traccar", (b'"rpm"', b'"obdSpeed": 30, "rpm"')).point.spd_kmh == pytest.approx(25.002)
    assert (
        read("traccar", (b'"speed": 13.5', b'"speed": null'), (b'"rpm"', b'"obdSpeed": 30, "rpm"')).point.spd_kmh == 30
    )


def test_an_outdated_place_is_not_taken_and_the_time_is_the_devices():
    outdated = (b'"valid": true', b'"valid": true, "outdated": true')
    fix = read("traccar", outdated, (b'"deviceTime": "2026-02-27T16:02:03', b'"deviceTime": "2026-02-27T16:02:04'))
    assert (fix.point.nofix, fix.point.ts, fix.point.ign) == (True, 1772208124.0, True)


@pytest.mark.parametrize(("state", "quality"), [(1, "good"), (0, "no_fix"), (2, "no_fix"), (3, "low")])
def test_the_state_of_a_teltonika_receiver_decides_on_quality(state, quality):
    payload = TELTONIKA.replace(b'"pr": 0', b'"69": %d' % state)
    result = decode([foreign("860000000000012/data", payload)], max_age_days=30)
    assert result.positions["quality"].to_pylist() == [quality]


PLACE_AND_WITH_IT = ("latitude_e7", "longitude_e7", "speed_ckmh", "heading_ddeg", "altitude_dm")


@pytest.mark.parametrize(
    ("name", "old", "new", "speed_ckmh"),
    [
        ("traccar", b'"valid": true', b'"valid": true, "outdated": true', None),
        ("traccar", b'"attributes": {', b'"outdated": true, "attributes": {"obdSpeed": 30, ', 3000),
        ("teltonika", b'"evt": 0', b'"evt": 0, "69": 2', None),
        ("teltonika", b'"sat": 14', b'"sat": 0', None),
        ("teltonika", b'"sat": 14', b'"sat": "0", "69": 1', None),
        ("teltonika", b'"ang": 271, "sat": 14', b'"ang": 9, "sat": 0, "69": 3', None),
    ],
)
def test_what_comes_from_a_fix_goes_with_its_place(name, old, new, speed_ckmh):
    topic, payload = GOLDEN[name]
    assert old in payload
    outdated = payload.replace(old, new)
    (row,) = decode([foreign(topic, outdated)], max_age_days=30).positions.to_pylist()
    assert [row[column] for column in PLACE_AND_WITH_IT] == [None, None, speed_ckmh, None, None]
    assert (row["quality"], row["ignition"], row["odometer_m"]) == ("no_fix", True, 48212345)
    assert ("speed" if name == "traccar" else "sp") in row["extra"]  # as it was sent


def test_a_phone_without_a_place_has_no_speed_of_it():
    place = b'"lat": 40.748441, "lon": -73.985664'
    assert place in OWNTRACKS
    placeless = [
        OWNTRACKS.replace(place, other) for other in (b'"lon": 1', b'"lat": 0, "lon": 0', b'"lat": 91, "lon": 0')
    ]
    for payload in (*placeless, b"X0,69A1BFFB,k,0,0,26,4,7,5,872"):
        (row,) = decode([foreign("owntracks/fleet/van12", payload)], max_age_days=30).events.to_pylist()
        assert not {"spd_kmh", "hdg_deg", "alt_m"} & json.loads(row["extra"] or "{}").keys()


@pytest.mark.parametrize(
    ("name", "old", "new", "column"),
    [
        ("teltonika", b'"pr": 0', b'"69": 5', "ignition"),
        ("teltonika", b'"239": 1', b'"239": 7', None),
        ("teltonika", b'"239": 1', b'"239": [1]', None),
        ("traccar", b'"ignition": true', b'"ignition": "cranking"', None),
        ("traccar", b'"valid": true', b'"valid": "perhaps"', "ignition"),
        ("flespi", b'"engine.ignition.status": true', b'"engine.ignition.status": 2', None),
        ("owntracks", b'"tid": "12"', b'"ign": "cranking"', None),
    ],
)
def test_a_switch_that_says_what_nobody_knows_is_null_and_its_position_stays(name, old, new, column):
    topic, payload = GOLDEN[name]
    assert old in payload
    result = decode([foreign(topic, payload.replace(old, new))], max_age_days=30)
    (row,) = result.positions.to_pylist()
    assert (row["latitude_e7"], row["quality"], row["flags"]) == (407484410, "good", "switch_refused")
    assert row["ignition"] is (True if column else None)
    value = new.split(b": ")[1].decode()
    assert value in row["extra"].replace(":", ": ")  # as it was sent
    assert result.rejects.num_rows == 0


def test_a_signal_that_says_what_nobody_knows_is_null_and_its_second_stays():
    lines = b"""{"name":"ignition_status","value":"cranking","timestamp":1772208123}
{"name":"vehicle_speed","value":25,"timestamp":1772208123}"""
    (row,) = decode([foreign("openxc/van12", lines)], max_age_days=30).positions.to_pylist()
    assert (row["speed_ckmh"], row["ignition"], row["flags"]) == (2500, None, "switch_refused")
    assert json.loads(row["extra"]) == {"ignition_status": "cranking"}


def test_keys_nobody_knows_are_kept_and_those_that_were_read_are_not():
    assert read("owntracks").extra == {"batt": 83, "tid": "12"}
    assert read("teltonika").extra == {"pr": 0, "evt": 0, "240": 1}
    fix = read("traccar")
    assert fix.extra["attributes"] == {"motion": True}
    assert fix.extra["device"] == {"name": "V12"}
    assert fix.extra["protocol"] == "teltonika"


@pytest.mark.parametrize("kind", ["waypoint", "card", "steps", "status", "x" * 500])
def test_an_owntracks_type_that_is_none_of_our_business_is_an_event_and_no_error(kind):
    payload = {"_type": kind, "tst": 1772208123, "name": "Jo", "face": "A" * 9_000}
    result = decode([foreign("owntracks/fleet/van12", payload)], max_age_days=30)
    (row,) = result.events.to_pylist()
    assert (row["type"], result.rejects.num_rows) == (f"owntracks_{kind[:40]}", 0)
    assert "AAAA" not in (row["extra"] or "")
    assert (row["extra"] is None) is (kind == "card")  # a card says who the driver is


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (b'"ign": true', "ign", True),
        (b'"odometer": 48212.345', "odo_m", 48212345),
        (b'"flvl": 62.4', "fuel_pct", 62.4),
        (b'"uext": 14.1', "batt_v", 14.1),
        (b'"rpm": 1480', "rpm", 1480),
    ],
)
def test_owntracks_of_a_queclink_tracker_speaks_of_the_vehicle(change, field, value):
    assert getattr(read("owntracks", (b'"tid": "12"', change)).point, field) == pytest.approx(value)


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("owntracks/fleet/van12", b'{"_type": "location", "tst": 1772208123}', "position_missing"),
        ("owntracks/fleet/van12", b'{"_type": "location", "lat": 1, "lon": 1}', "missing_time"),
        ("owntracks/fleet/van12", b'{"_type": "location", "tst": "soon", "lat": 1, "lon": 1}', "wrong_type"),
        ("owntracks/fleet/van12", b'{"lat": 1, "lon": 1}', "missing_field"),
        ("owntracks/fleet/van12", b"[1]", "not_an_object"),
        ("owntracks/fleet/van12", b"X0,nothing", "not_json"),
        ("owntracks//van12", OWNTRACKS, "bad_device"),
        ("traccar/positions", TRACCAR.replace(b"uniqueId", b"id"), "bad_device"),
        ("traccar/positions", TRACCAR.replace(b"860000000000012", b"x" * 129), "bad_device"),
        ("traccar/positions", TRACCAR.replace(b"860000000000012", b"tm/v1/+"), "bad_device"),
        ("traccar/positions", b"[]", "no_points"),
        ("flespi/message/gw/devices/1", b"[" + b",".join([FLESPI] * 501) + b"]", "too_large"),
        ("flespi/message/gw/devices/1", b"[" + b",".join([b"{}"] * 501) + b"]", "too_many_points"),
        ("weather/data", b'{"rain": 3}', "missing_field"),
        ("weather/today", b"{}", "unknown_topic"),
    ],
)
def test_a_bad_foreign_message_is_one_reject_with_its_reason(topic, payload, reason):
    result = decode([foreign(topic, payload)], max_age_days=30)
    assert result.rejects["reason"].to_pylist() == [reason]
    assert result.positions.num_rows == 0


def test_one_bad_point_of_a_batch_costs_only_itself():
    bad = FLESPI.replace(b'"position.speed": 25', b'"position.speed": "fast"')
    result = decode([foreign("flespi/message/gw/devices/1", b"[" + FLESPI + b"," + bad + b"]")], max_age_days=30)
    assert result.positions.num_rows == 1
    (row,) = result.rejects.to_pylist()
    assert (row["reason"], row["point_index"], row["device_id"]) == ("wrong_type", 1, "860000000000012")


def test_bad_points_of_one_vehicle_beside_good_ones_of_another_are_rows_of_their_own():
    other = FLESPI.replace(b"860000000000012", b"860000000000013")
    far, odd = other.replace(b"40.748441", b"91"), other.replace(b'"position.speed": 25', b'"position.speed": "fast"')
    batch = [
        foreign("flespi/message/gw/devices/1", b"[" + b",".join([far, odd, *good]) + b"]") for good in ([FLESPI], [])
    ]
    rows = decode(batch[:1], max_age_days=30).rejects.to_pylist()
    assert [(row["reason"], row["point_index"], row["device_id"]) for row in rows] == [
        ("position_out_of_range", 0, "860000000000013"), ("wrong_type", 1, "860000000000013"),
    ]  # fmt: skip
    assert [json.loads(row["payload"]) for row in rows] == [json.loads(far), json.loads(odd)]
    (row,) = decode(batch[1:], max_age_days=30).rejects.to_pylist()
    assert (row["reason"], row["point_index"], row["payload"]) == ("position_out_of_range", None, batch[1].payload)
    no_name = FLESPI.replace(b'"ident": "860000000000012"', b'"ident": ""')
    (row,) = decode(
        [foreign("flespi/message/gw/devices/1", b"[" + FLESPI + b"," + no_name + b"]")], max_age_days=30
    ).rejects.to_pylist()
    assert (row["reason"], row["point_index"], json.loads(row["payload"])) == ("bad_device", 1, json.loads(no_name))


def test_a_message_in_which_no_vehicle_has_a_good_point_is_one_reject():
    bad = [FLESPI.replace(b"860000000000012", b"%d" % number).replace(b"40.748441", b"91") for number in (7, 8)]
    message = foreign("flespi/message/gw/devices/1", b"[" + b",".join(bad) + b"]")
    assert decode([message], max_age_days=30).rejects["point_index"].to_pylist() == [None]


def test_a_batch_of_two_vehicles_is_rows_of_both():
    other = FLESPI.replace(b"860000000000012", b"860000000000013")
    result = decode([foreign("flespi/message/gw/devices/1", b"[" + FLESPI + b"," + other + b"]")], max_age_days=30)
    assert result.positions["device_id"].to_pylist() == ["860000000000012", "860000000000013"]


def test_a_retained_foreign_position_is_quarantined():
    result = decode([foreign(*GOLDEN["owntracks"], retain=True)], max_age_days=30)
    assert result.rejects["reason"].to_pylist() == ["retained_position"]


def test_a_bus_whose_coordinates_are_swapped_is_quarantined():
    payload = (DATA / "payloads" / "hfp_vp_bus.json").read_bytes()
    topic = "/hfp/v1/journey/ongoing/bus/0012/01009/1037/2/Kamppi/13:36/1320111/4/60;24/28/44/59"
    swapped = payload.replace(b'"lat"', b'"x"').replace(b'"long"', b'"lat"').replace(b'"x"', b'"long"')
    at_s = epoch_s("2018-10-01T10:56:43Z")
    results = [decode([foreign(topic, body, at_s=at_s)], max_age_days=30) for body in (payload, swapped)]
    assert [result.rejects["reason"].to_pylist() for result in results] == [[], ["outside_area"]]
