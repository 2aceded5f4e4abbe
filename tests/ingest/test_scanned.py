"""Segments read by the bytes of whole columns give the rows that message by message gives."""

import json
import logging
from pathlib import Path

import pyarrow as pa
import pytest

import ingest
from flows.fast_ingest import scanners
from ingest.adapters.sources import built_in_only
from ingest.decode import Decoded, decode
from ingest.received import Received, payload_hash, received_messages
from ingest.recorded import read_recording
from ingest.scanned import Scanners, SegmentRows, decode_segments
from ingest.settings import IngestSettings
from tests.fuzz.decoders import NOW_US, POINT, seeds
from tests.fuzz.twins import are_equal, differences, segment_of, segments

RECORDINGS = Path(ingest.__file__).parent / "recordings"
POS = "tm/v1/t1/d1/pos"


def fast(*rows: SegmentRows, by: Scanners | None = None) -> Decoded:
    by = by or scanners(IngestSettings(plain=False))
    return decode_segments(rows, max_age_days=30, sources=built_in_only(), scanners=by)


def body(*points: object, **more: object) -> bytes:
    return json.dumps({"v": 1, "dev": "d1", "pts": points or [POINT]} | more).encode()


def test_spoilt_and_odd_messages_become_the_same_rows():
    for number, segment in enumerate(segments(2_000, 11)):
        assert differences(segment, 30.0 if number % 2 else 0.0) == []


def test_good_messages_of_every_format_become_the_same_rows():
    assert differences(segment_of([(seed.topic, seed.payload, False, seed.content_type) for seed in seeds()]), 30) == []


@pytest.mark.parametrize("name", ["capmetro_2016-11-25.parquet", "nrel_4115957_1_2007-04-09.parquet"])
def test_a_recorded_day_becomes_the_same_rows_and_none_of_it_goes_the_slow_way(name, monkeypatch):
    recording = read_recording(RECORDINGS / name, keep_time=True)
    segment = segment_of([(one.topic, one.payload, False, None) for one in list(recording.messages)[:2_000]])
    assert differences(segment, 0) == []
    left: list[Received] = []
    monkeypatch.setattr(
        "ingest.scanned.decode", lambda messages, **_: left.extend(messages) or decode((), max_age_days=0)
    )
    fast(SegmentRows(segment, "s", 1))
    assert left == []


def test_what_only_a_person_should_ever_have_to_look_at_is_kept_as_it_was_sent():
    good, bad = POINT | {"fuel_pct": 101}, POINT | {"lat": 91.25}
    segment = segment_of([(POS, body(good, bad), False, None), (POS, body(bad), True, None)])
    assert differences(segment, 30) == []
    whole, part = sorted(fast(SegmentRows(segment, "s", 1)).rejects.to_pylist(), key=lambda row: -row["payload_size"])
    assert (whole["reason"], part["reason"]) == ("retained_position", "position_out_of_range")
    assert part["payload"] == json.dumps(bad).encode()


def test_several_segments_keep_their_lineage_and_an_erased_message_its_hash():
    segment = segment_of([(POS, body(seq=number), False, None) for number in range(3)] + [(POS, body(), False, None)])
    hashed = segment.append_column("payload_hash", pa.array([5, 6, 7, 8], pa.int64()))
    rows = [SegmentRows(segment, "east", 1), SegmentRows(hashed.slice(1), "east", 2), SegmentRows(segment, "west", 1)]
    slow = decode((one for part in rows for one in received_messages(*part)), max_age_days=30)
    found = fast(*rows)
    assert are_equal(found.positions, slow.positions)
    assert are_equal(found.rejects, slow.rejects)
    of_second = [row["payload_hash"] for row in found.positions.to_pylist() if row["segment_no"] == 2]
    assert sorted(of_second) == [6, 7, 8]
    assert payload_hash(body()) in found.positions["payload_hash"].to_pylist()


def test_no_messages_become_no_rows():
    assert [table.num_rows for table in fast()] == [0] * 5
    assert [table.num_rows for table in fast(SegmentRows(segment_of([]), "s", 1))] == [0] * 5


def test_a_scanner_that_fails_costs_time_and_no_message(caplog):
    def fails(_: object) -> None:
        raise SystemError("a gap in the scanner")

    segment = segment_of([(POS, body(), False, None)])
    with caplog.at_level(logging.ERROR):
        found = fast(SegmentRows(segment, "s", 1), by=Scanners(native=fails, packed=fails))
    assert found.positions.num_rows == 1
    assert "the slow one takes its place" in caplog.text


def test_the_simple_way_can_be_chosen():
    assert scanners(IngestSettings(plain=True)) is None
    segment = segment_of([(POS, body(), False, None)])
    slow = decode_segments([SegmentRows(segment, "s", 1)], max_age_days=30, sources=built_in_only(), scanners=None)
    assert are_equal(slow.positions, fast(SegmentRows(segment, "s", 1)).positions)
    assert slow.positions["received_us"].to_pylist() == [NOW_US]
