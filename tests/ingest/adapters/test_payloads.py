"""Every example payload becomes the values its manifest expects, or the table says why it is not decoded."""

import json
import re
from typing import Any

import pytest

from ingest.adapters.sources import Sources
from ingest.decode import decode
from ingest.native import Point
from ingest.received import Received
from tests.ingest.adapters.foreign import DATA, NOW_S, epoch_s, fixes, foreign, sources_of

MANIFEST = json.loads((DATA / "payloads" / "manifest.json").read_text())
ITEMS = {item["file"]: item for item in MANIFEST["items"]}
TOLERANCES = MANIFEST["tolerances"]

BEFORE_2015 = "recorded before 2015, so read with the age rule off"
BINARY = "a binary frame over TCP; such trackers come through Traccar or flespi"
CARD = "a card record: it comes by file import or by a bridge in our own words, not as it is"

# Read with max_age_days = 0.
OLD = {
    "owntracks_greenwich_strings.json": BEFORE_2015,
    "owntracks_greenwich_compact.csv": BEFORE_2015,
    "owntracks_lwt.json": BEFORE_2015,
    "owntracks_transition_leave.json": BEFORE_2015,
    "openxc_trace_idle.jsonl": BEFORE_2015,
}
# Not sent over MQTT; decoded as a bridge would publish them.
BRIDGED = {
    "traccar_client_json.json": "bridge/traccar-client",
    "traccar_client_minus_one.json": "bridge/traccar-client",
    "envirocar_measurement.json": "bridge/envirocar/car-1",
    "gpsinsight_idle.json": "bridge/gpsinsight/idle",
}
# file -> for each reason of the manifest, in its order, what decoding makes of it: a reason of a reject or a quality.
# A message is quarantined by the first; the others show once the clock is mended.
QUARANTINED = {
    "hfp_documented_sample_inconsistent.json": ("clocks_disagree", "outside_area"),
    "teltonika_mqtt_clock_unset.json": ("clock_unset", "no_fix"),
    "flespi_cold_start.json": ("clock_unset", "low"),
}
MENDED_CLOCKS = {
    "hfp_documented_sample_inconsistent.json": (b"1416308975", b"1558620916"),
    "teltonika_mqtt_clock_unset.json": (b"1072915236000", b"1772208123000"),
    "flespi_cold_start.json": (b"946684840", b"1772208123"),
}
NOT_DECODED = {
    "teltonika_codec8_driving.hex": BINARY,
    "teltonika_codec8_batch_reverse_order.hex": BINARY,
    "teltonika_codec8_odometer.hex": BINARY,
    "teltonika_codec8e_idling.hex": BINARY,
    "osmand_query.txt": "a query string over HTTP; such phones come through Traccar",
    "vss_truck_startup.csv": "lines of a recording without a clock and without a vehicle",
    "cmap_gap_rows.csv": "lines of a file without a vehicle and without a place",
    "geotab_fuel_transaction.json": CARD,
    "stripe_issuing_fuel.json": CARD,
    **{file: CARD for file in ITEMS if file.startswith("fuelcard_")},
}
EVENTS = {"owntracks_lwt.json", "owntracks_transition_leave.json"}
WITHOUT_FIX = {"teltonika_mqtt_numbers.json"}
POSITIONS = sorted(ITEMS.keys() - QUARANTINED.keys() - NOT_DECODED.keys() - EVENTS - WITHOUT_FIX)

# expected name -> (field of a point, what one of it is in the manifest's unit)
CANONICAL = {
    "lat": ("lat", 1.0),
    "lon": ("lon", 1.0),
    "speed_mps": ("spd_kmh", 1 / 3.6),
    "heading_deg": ("hdg_deg", 1.0),
    "altitude_m": ("alt_m", 1.0),
    "odometer_m": ("odo_m", 1.0),
    "fuel_level_pct": ("fuel_pct", 1.0),
    "accuracy_m": ("acc_m", 1.0),
    "satellites": ("sat", 1.0),
    "external_voltage_v": ("batt_v", 1.0),
    "engine_rpm": ("rpm", 1.0),
    "fuel_used_total_l": ("fuel_used_l", 1.0),
}
TOLERANCE = {"lat": TOLERANCES["lat_lon"], "lon": TOLERANCES["lat_lon"], "speed_mps": TOLERANCES["speed_mps"],
             "fuel_level_pct": 0.005, "odometer_m": 0.05, "fuel_used_total_l": TOLERANCES["volume_l"]}  # fmt: skip

# expected name -> what it is in `extra`, by the source's own key
IN_EXTRA = {
    ("owntracks_greenwich_strings.json", "trip_distance_m"): lambda extra: extra["trip"],
    ("owntracks_greenwich_compact.csv", "trip_distance_m"): lambda extra: extra["trip"],
    ("hfp_vp_bus.json", "trip_odometer_m"): lambda extra: extra["odo"],
    ("hfp_vp_bus.json", "service_day"): lambda extra: extra["oday"],
    ("hfp_vp_bus.json", "trip_start_local"): lambda extra: extra["start"],
    ("hfp_deadrun_nulls.json", "trip_odometer_m"): lambda extra: extra["odo"],
    ("hfp_deadrun_nulls.json", "doors_open"): lambda extra: extra["drst"] == 1,
    ("teltonika_mqtt_parked.json", "movement"): lambda extra: extra["240"] == 1,
    ("teltonika_mqtt_parked.json", "trip_odometer_m"): lambda extra: extra["199"],
    ("traccar_client_minus_one.json", "mock"): lambda extra: extra.get("mock", True),
    ("roataway_route.json", "vehicle"): lambda extra: extra["board"],
    ("envirocar_measurement.json", "gps_speed_mps"): lambda extra: (
        extra["properties"]["phenomenons"]["GPS Speed"]["value"] / 3.6
    ),
    ("envirocar_measurement.json", "fuel_rate_l_per_h"): lambda extra: extra["properties"]["phenomenons"][
        "Consumption"
    ]["value"],
    ("truck_telemetry_event.json", "fix_utc"): lambda extra: extra["pos"]["posTime"],
    ("truck_telemetry_event.json", "engine_hours_s"): lambda extra: extra["telemetryInfo"]["totEngineHours"] * 3600,
    ("truck_telemetry_event.json", "drive_time_s"): lambda extra: extra["telemetryInfo"]["totDriveTime"] * 3600,
    ("truck_telemetry_event.json", "idle_time_s"): lambda extra: extra["telemetryInfo"]["totEngIdleTime"] * 3600,
    ("truck_telemetry_event.json", "idle_fuel_used_l"): lambda extra: extra["telemetryInfo"]["totIdleFuelUsed"],
    ("truck_started_moving.json", "stopped_s"): lambda extra: extra["stoppedPeriod"] / 1000,
    ("gpsinsight_idle.json", "duration_s"): lambda extra: extra["sec_duration"],
    ("gpsinsight_idle.json", "idle_fuel_l"): lambda extra: extra["idle_gal"] * 3.785411784,
    ("gpsinsight_idle.json", "idle_fuel_rate_l_per_h"): lambda extra: extra["idle_gph"] * 3.785411784,
}
# What a message cannot say of itself, or says in other words that other tests are about.
ELSEWHERE = {"kind", "device", "time_utc", "start_utc", "start_local", "ignition", "route", "received_utc", "sent_utc",
             "lag_s", "timezone", "unit_anomaly", "state", "feed_utc", "trip_start_utc"}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Built-in sources, the bridged ones, and the example of docs/mappings.md, which makes one operator's feed km/h."""
    example = tmp_path_factory.mktemp("mappings") / "example.toml"
    page = (DATA.parents[1] / "docs" / "mappings.md").read_text()
    example.write_text("\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)))
    return sources_of(example, DATA / "mappings" / "bridged.toml")


def payload_of(file: str) -> bytes:
    return (DATA / "payloads" / file).read_bytes()


def topic_of(file: str) -> str:
    return BRIDGED.get(file, ITEMS[file]["topic"])


def expected_of(file: str) -> list[dict[str, Any]]:
    expected = ITEMS[file]["expected"]
    return expected if isinstance(expected, list) else [expected]


def received_of(file: str) -> Received:
    """The message as it arrived at the time it is about."""
    expected = expected_of(file)[0]
    own = [expected[name] for name in ("received_utc", "time_utc", "start_utc") if name in expected]
    return foreign(topic_of(file), payload_of(file), at_s=epoch_s(own[0]) if own else NOW_S)


def max_age_days(file: str) -> float:
    return 0 if file in OLD else 30


def test_the_table_has_every_item_once():
    groups = [set(POSITIONS), set(QUARANTINED), set(NOT_DECODED), EVENTS, WITHOUT_FIX]
    assert set().union(*groups) == set(ITEMS)
    assert sum(map(len, groups)) == len(ITEMS) == 54
    assert (OLD.keys() | BRIDGED.keys()) <= set(POSITIONS) | EVENTS


@pytest.mark.parametrize("file", POSITIONS)
def test_a_payload_is_read_as_its_manifest_expects(sources, file):
    read = fixes(sources, topic_of(file), payload_of(file))
    assert len(read) == len(expected_of(file))
    for fix, expected in zip(read, expected_of(file), strict=True):
        point = fix.point
        if expected.get("device") is not None:
            assert fix.device_id == expected["device"]
        at_s = epoch_s(expected.get("time_utc") or expected["start_utc"])
        assert point.ts == pytest.approx(at_s, abs=TOLERANCES["time_s"])
        _check_values(file, point, expected)
        assert point.ign is expected.get("ignition"), "ignition"
        if "route" in expected:
            assert point.route_id == expected["route"]
        for name in expected.keys() - CANONICAL.keys() - ELSEWHERE:
            found = IN_EXTRA[file, name](fix.extra)
            if name.endswith("_utc"):
                assert epoch_s(found) == epoch_s(expected[name])
            elif isinstance(expected[name], float):
                assert found == pytest.approx(expected[name], abs=0.05 if name.endswith("_s") else 1e-5, rel=1e-7), name
            else:
                assert found == expected[name] or found == pytest.approx(expected[name], abs=0.06), name


def _check_values(file: str, point: Point, expected: dict[str, Any]) -> None:
    lists_everything = expected["kind"] == "position"
    for name, (field, factor) in CANONICAL.items():
        value = getattr(point, field)
        if expected.get(name) is None:
            assert value is None or not (lists_everything or name in expected), (file, name, value)
        else:
            assert value * factor == pytest.approx(expected[name], abs=TOLERANCE.get(name, 1e-9)), (file, name)


@pytest.mark.parametrize("file", POSITIONS)
def test_a_payload_becomes_rows_in_the_units_of_the_lake(sources, file):
    result = decode([received_of(file)], max_age_days=max_age_days(file), sources=sources)
    assert (result.positions.num_rows, result.rejects.num_rows) == (len(expected_of(file)), 0)
    for row, expected in zip(result.positions.to_pylist(), expected_of(file), strict=True):
        at_s = epoch_s(expected.get("time_utc") or expected["start_utc"])
        assert row["fix_ms"] == round(at_s * 1000)
        if expected.get("lat") is not None:
            assert row["latitude_e7"] == round(expected["lat"] * 1e7)
            assert row["longitude_e7"] == round(expected["lon"] * 1e7)
        speed = expected.get("speed_mps")
        if speed is not None:
            assert row["speed_ckmh"] == pytest.approx(speed * 360, abs=0.5)  # the lake keeps hundredths of a km/h


@pytest.mark.parametrize(("file", "reason"), [(file, reasons[0]) for file, reasons in QUARANTINED.items()])
@pytest.mark.parametrize("age_days", [0, 30])
def test_a_payload_that_contradicts_itself_is_quarantined(sources, file, reason, age_days):
    result = decode([received_of(file)], max_age_days=age_days, sources=sources)
    assert [(row["kind"], row["reason"]) for row in result.rejects.to_pylist()] == [("quarantine", reason)]
    assert result.positions.num_rows == 0


@pytest.mark.parametrize("file", QUARANTINED)
def test_each_reason_of_a_payload_is_found(sources, file):
    old, new = MENDED_CLOCKS[file]
    payload = payload_of(file)
    assert old in payload
    at_s = epoch_s("2019-05-23T14:15:20Z") if file.startswith("hfp") else NOW_S
    results = [
        decode([foreign(topic_of(file), body, at_s=at_s)], max_age_days=30, sources=sources)
        for body in (payload, payload.replace(old, new))
    ]
    found = [[*result.rejects["reason"].to_pylist(), *result.positions["quality"].to_pylist()] for result in results]
    assert found == [[name] for name in QUARANTINED[file]]
    assert len(QUARANTINED[file]) == len(ITEMS[file]["expected"]["reasons"])


@pytest.mark.parametrize("file", NOT_DECODED)
def test_what_is_no_message_of_ours_is_kept_as_a_reject(sources, file):
    assert ITEMS[file]["transport"] != "mqtt" or file == "vss_truck_startup.csv"
    result = decode([received_of(file)], max_age_days=30, sources=sources)
    row = result.rejects.to_pylist()[0]
    assert (row["reason"], row["payload"]) == ("unknown_topic", payload_of(file)), NOT_DECODED[file]


def test_a_last_will_is_an_event_at_the_time_the_broker_sent_it(sources):
    result = decode([received_of("owntracks_lwt.json")], max_age_days=0, sources=sources)
    (row,) = result.events.to_pylist()
    expected = ITEMS["owntracks_lwt.json"]["expected"]
    assert (row["type"], row["device_id"], row["latitude_e7"]) == (expected["event"], expected["device"], None)
    assert row["event_us"] == round(epoch_s(expected["time_utc"]) * 1e6)
    later = foreign("owntracks/jane/phone", payload_of("owntracks_lwt.json"))
    assert decode([later], max_age_days=30).events["event_us"].to_pylist() == [later.received_us]
    assert result.positions.num_rows + result.rejects.num_rows == 0


def test_a_region_left_is_an_event_at_its_place(sources):
    expected = ITEMS["owntracks_transition_leave.json"]["expected"]
    result = decode([received_of("owntracks_transition_leave.json")], max_age_days=0, sources=sources)
    (row,) = result.events.to_pylist()
    assert row["type"] == f"geofence_{expected['event']}"
    assert row["event_us"] == round(epoch_s(expected["time_utc"]) * 1e6)
    assert (row["latitude_e7"], row["longitude_e7"]) == (488583340, 22951340)
    assert json.loads(row["extra"])["desc"] == expected["zone"]


def test_a_message_without_a_fix_keeps_its_other_values(sources):
    expected = ITEMS["teltonika_mqtt_numbers.json"]["expected"]
    result = decode([received_of("teltonika_mqtt_numbers.json")], max_age_days=30, sources=sources)
    assert expected["reasons"] == ["no GNSS fix"]
    (row,) = result.positions.to_pylist()
    assert row["fix_ms"] == round(epoch_s(expected["time_utc"]) * 1e3)
    assert (row["quality"], row["latitude_e7"], row["speed_ckmh"]) == ("no_fix", None, None)
    assert (row["ignition"], row["odometer_m"], row["battery_mv"]) == (False, 6870, 11922)
    assert result.rejects.num_rows + result.events.num_rows == 0


def test_events_of_one_instant_are_told_apart(sources):
    files = ("truck_telemetry_event.json", "truck_fuel_event.json")
    rows = decode([received_of(file) for file in files], max_age_days=30, sources=sources).positions.to_pylist()
    assert rows[0]["fix_ms"] == rows[1]["fix_ms"]
    assert len({row["seq"] for row in rows}) == 2
