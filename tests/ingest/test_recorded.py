"""Are recordings sent as their vehicles would have sent them, with the right units and times?"""

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pytest

import ingest
from ingest.decode import decode
from ingest.outbox import Outgoing
from ingest.received import received_messages
from ingest.recorded import Recording, UnknownRecording, read_recording

RECORDINGS = Path(ingest.__file__).parent / "recordings"
AUSTIN = RECORDINGS / "capmetro_2016-11-25.parquet"
CHICAGO = RECORDINGS / "nrel_4115957_1_2007-04-09.parquet"
DAY_S = 86_400


@pytest.fixture(scope="module")
def austin() -> Recording:
    return read_recording(AUSTIN, keep_time=True)


def points(recording: Recording) -> list[dict[str, Any]]:
    return [
        point | {"dev": body["dev"]}
        for body in (msgspec.json.decode(message.payload) for message in recording.messages)
        for point in body["pts"]
    ]


def buses(tmp_path: Path, *rows: tuple[str, int, str, str, float | None, float | None]) -> Path:
    """Write a Capital Metro file of (file_day, file_row, vehicle_id, timestamp, speed, latitude)."""
    path = tmp_path / "buses.parquet"
    columns = ["file_day", "file_row", "vehicle_id", "timestamp", "speed", "latitude"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        longitude=pl.lit(-97.7), route_id=pl.lit("801")
    )
    frame.write_parquet(path)
    return path


def decoded(messages: list[Outgoing], max_age_days: float = 0) -> Any:
    segment = pa.table(
        {
            "topic": [message.topic for message in messages],
            "payload": [message.payload for message in messages],
            "received_us": pa.array([message.due_us for message in messages], pa.int64()),
            "retain": [False] * len(messages),
        }
    )
    return decode(received_messages(segment, "test", 1), max_age_days=max_age_days)


def test_every_row_of_the_bus_day_is_sent_once(austin: Recording):
    rows = pl.read_parquet(AUSTIN)
    assert len(austin.messages) == rows.height == 32_038
    assert {message.topic for message in austin.messages} == {
        f"tm/v1/capmetro/bus-{bus}/pos" for bus in rows["vehicle_id"].unique()
    }
    assert austin.first_utc == datetime(2016, 11, 25, 6, 0, 49, tzinfo=UTC)
    result = decoded(austin.messages)
    assert result.positions.num_rows == rows.height
    assert result.rejects.num_rows == 0


def test_a_known_bus_row_in_our_units(austin: Recording):
    # 2016-11-25T11:53:40-06:00, 7.15264 m/s (16 mph), the first row of its file
    first = next(point for point in points(austin) if point["dev"] == "bus-8940")
    assert first == {
        "ts": datetime(2016, 11, 25, 17, 53, 40, tzinfo=UTC).timestamp(),
        "seq": 1,
        "lat": 30.421946,
        "lon": -97.665924,
        "spd_kmh": 25.7495,
        "route_id": "1",
        "dev": "bus-8940",
    }


def test_a_bus_sends_in_the_order_of_the_file_also_where_time_goes_back(austin: Recording):
    of_file = pl.read_parquet(AUSTIN).sort("file_row").group_by("vehicle_id", maintain_order=True)
    expected = {f"bus-{bus}": rows["latitude"].to_list() for (bus,), rows in of_file}
    sent: dict[str, list[float]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    for point in points(austin):
        sent[point["dev"]].append(point["lat"])
        times[point["dev"]].append(point["ts"])
        assert point["seq"] == len(sent[point["dev"]])
    assert sent == expected
    assert any(own != sorted(own) for own in times.values())
    due = [message.due_us for message in austin.messages]
    assert due == sorted(due)


def test_speeds_of_2015_are_miles_an_hour_and_later_ones_metres_a_second(tmp_path: Path):
    path = buses(
        tmp_path,
        ("2015-03-18", 0, "1", "2015-03-18T12:00:00-05:00", 10.0, 30.2),
        ("2016-11-25", 0, "2", "2016-11-25T12:00:00-06:00", 10.0, 30.2),
        ("2017-03-16", 0, "3", "2017-03-16T12:00:00-05:00", 10.0, 30.2),
    )
    speeds = [point["spd_kmh"] for point in points(read_recording(path, keep_time=True))]
    assert speeds == [16.0934, 36.0, 36.0]


def test_a_sentinel_is_sent_as_it_came_and_the_line_refuses_the_field(tmp_path: Path):
    path = buses(tmp_path, ("2017-03-16", 0, "1", "2017-03-16T08:00:00-05:00", 113.9952, 30.2))
    recording = read_recording(path, keep_time=True)
    assert points(recording)[0]["spd_kmh"] == pytest.approx(255 * 1.609344, abs=0.001)
    row = decoded(recording.messages).positions.to_pylist()[0]
    assert row["speed_ckmh"] is None
    assert "speed" in row["flags"]


def test_missing_values_are_left_out_and_a_row_without_a_time_is_rejected_by_name(tmp_path: Path):
    path = buses(
        tmp_path,
        ("2016-11-25", 0, "1", "2016-11-25T12:00:00-06:00", None, 30.2),
        ("2016-11-25", 1, "1", "not a time", 5.0, 30.2),
    )
    recording = read_recording(path, keep_time=True)
    assert "spd_kmh" not in points(recording)[0]
    assert decoded(recording.messages).rejects["reason"].to_pylist() == ["missing_time"]


def test_times_move_by_whole_days_so_that_the_last_day_is_the_one_asked_for(austin: Recording):
    moved = read_recording(AUSTIN, last_date=date(2026, 1, 20))
    shift_s = (moved.first_utc - austin.first_utc).total_seconds()
    assert shift_s % DAY_S == 0
    assert moved.first_utc.date() == date(2026, 1, 20)
    pairs = zip(points(moved), points(austin), strict=True)
    assert all(new["ts"] - old["ts"] == shift_s for new, old in pairs)
    due = zip(moved.messages, austin.messages, strict=True)
    assert all(new.due_us - old.due_us == shift_s * 1e6 for new, old in due)


def test_the_last_day_is_yesterday_where_nothing_is_asked_for(tmp_path: Path):
    path = buses(tmp_path, ("2016-11-25", 0, "1", "2016-11-25T12:00:00-06:00", 5.0, 30.2))
    age_s = datetime.now(UTC).timestamp() - points(read_recording(path))[0]["ts"]
    assert 0 < age_s < 2 * DAY_S


def test_speeds_without_places_are_sent_as_points_without_a_fix():
    recording = read_recording(CHICAGO, keep_time=True)
    rows = pl.read_parquet(CHICAGO)
    sent = points(recording)
    assert {message.topic for message in recording.messages} == {"tm/v1/nrel/nrel-4115957-1/pos"}
    assert len(sent) == rows.height == 7_378
    # 07:47:23 in Chicago, summer time
    assert recording.first_utc == datetime(2007, 4, 9, 12, 47, 23, tzinfo=UTC)
    assert all(point["nofix"] is True and "lat" not in point for point in sent)
    assert [point["spd_kmh"] for point in sent] == pytest.approx((rows["speed_mph"] * 1.609344).to_list(), abs=6e-5)
    zeros = sum(point["spd_kmh"] == 0 for point in sent)
    assert zeros == (rows["speed_mph"] == 0).sum()
    assert max(len(msgspec.json.decode(message.payload)["pts"]) for message in recording.messages) == 60


def test_a_message_does_not_reach_across_a_pause():
    recording = read_recording(CHICAGO, keep_time=True)
    for message in recording.messages:
        times = [point["ts"] for point in msgspec.json.decode(message.payload)["pts"]]
        assert all(later - earlier <= 60 for earlier, later in pairwise(times))
        assert message.due_us == times[-1] * 1e6


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_positions_in_the_columns_of_the_lake_are_read_back(tmp_path: Path, ending: str):
    frame = pl.DataFrame(
        {
            "tenant_id": ["t", "t", "t"],
            "device_id": ["0860", "0860", "0861"],
            "fix_utc": ["2026-01-02T03:04:05.250Z", "2026-01-02T03:04:15Z", "2026-01-02T03:04:06Z"],
            "latitude": [40.5, None, 40.6],
            "longitude": [-74.5, None, -74.6],
            "speed_kmh": [12.5, 0.0, None],
            "ignition": [True, False, None],
            "odometer_m": [1000, 1100, None],
            "vehicle_id": ["V1", "V1", "V2"],
        }
    )
    path = tmp_path / f"fleet.{ending}"
    if ending == "csv":
        frame.write_csv(path)
    else:
        frame.with_columns(pl.col("fix_utc").str.to_datetime(time_zone="UTC")).write_parquet(path)
    recording = read_recording(path, keep_time=True)
    moment = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC).timestamp()
    assert points(recording) == [
        {"ts": moment + 0.75, "seq": 1, "lat": 40.6, "lon": -74.6, "dev": "0861"},
        {
            "ts": moment,
            "seq": 1,
            "lat": 40.5,
            "lon": -74.5,
            "spd_kmh": 12.5,
            "ign": True,
            "odo_m": 1000,
            "dev": "0860",
        },
        {
            "ts": moment + 9.75,
            "seq": 2,
            "nofix": True,
            "spd_kmh": 0.0,
            "ign": False,
            "odo_m": 1100,
            "dev": "0860",
        },
    ]
    assert decoded(recording.messages).rejects.num_rows == 0


LINES = (
    b'{"topic":"rt/v1/t/d/plan","payload":{"v":1,"service_date":"2026-02-26","issued_utc":"2026-02-26T10:00:00Z",'
    b'"routes":[{"route_id":"R1","vehicle_id":"V1","planned_exit_utc":"2026-02-26T15:00:00Z"}]},"retain":true}\n'
    b'{"topic":"tm/v1/t/a/pos","payload":{"v":1, "dev":"a","sent":1772118000.5,"pts":[{"ts":1772118000.25,'
    b'"lat":40.1,"lon":-74.1,"odd":"kept"}]},"due_utc":"2026-02-26T15:00:02Z"}\n'
    b'\n{"topic":"owntracks/a/b","payload":{"_type":"location","tst":1772118000}}\n'
)


def test_recorded_messages_are_sent_byte_for_byte_where_times_are_kept(tmp_path: Path):
    path = tmp_path / "day.jsonl"
    path.write_bytes(LINES)
    plan, position, foreign = read_recording(path, keep_time=True).messages
    assert plan.retain
    assert position.payload == (
        b'{"v":1, "dev":"a","sent":1772118000.5,"pts":[{"ts":1772118000.25,"lat":40.1,"lon":-74.1,"odd":"kept"}]}'
    )
    assert position.due_us == 1_772_118_002_000_000
    assert foreign.due_us == position.due_us


def test_every_time_in_recorded_messages_moves_by_the_same_days(tmp_path: Path):
    path = tmp_path / "day.jsonl"
    path.write_bytes(LINES)
    recording = read_recording(path, last_date=date(2026, 3, 2))
    plan, position, foreign = (msgspec.json.decode(message.payload) for message in recording.messages)
    assert plan["service_date"] == "2026-03-02"
    assert plan["issued_utc"] == "2026-03-02T10:00:00Z"
    assert plan["routes"][0]["planned_exit_utc"] == "2026-03-02T15:00:00Z"
    assert position["pts"][0]["ts"] == 1772118000.25 + 4 * DAY_S
    assert position["sent"] == 1772118000.5 + 4 * DAY_S
    assert position["pts"][0]["odd"] == "kept"
    assert foreign["tst"] == 1772118000
    assert recording.messages[1].due_us == 1_772_118_002_000_000 + 4 * DAY_S * 1_000_000
    assert recording.first_utc == datetime(2026, 3, 2, 15, 0, 0, 250_000, tzinfo=UTC)


def test_a_simulated_day_can_be_recorded_and_replayed(tmp_path: Path):
    from ingest.simulation import simulate

    messages = simulate(vans=1, last_date=date(2026, 3, 12)).messages
    path = tmp_path / "day.jsonl"
    with path.open("wb") as lines:
        for message in messages:
            head = msgspec.json.encode({"topic": message.topic, "due_utc": message.due_us / 1e6})
            retain = b"true" if message.retain else b"false"
            lines.write(head[:-1] + b',"payload":' + message.payload + b',"retain":' + retain + b"}\n")
    assert read_recording(path, keep_time=True).messages == messages


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("odd.csv", b"a,b\n1,2\n"),
        ("odd.txt", b"hello"),
        ("odd.parquet", b"not parquet"),
        ("odd.jsonl", b"not json\n"),
        ("empty.jsonl", b""),
    ],
)
def test_any_other_file_is_refused_and_told_what_is_understood(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnknownRecording, match=r"Understood are .jsonl files") as refused:
        read_recording(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_says_so(tmp_path: Path):
    for name in ("none.parquet", "none.csv", "none.jsonl"):
        with pytest.raises(FileNotFoundError):
            read_recording(tmp_path / name)
