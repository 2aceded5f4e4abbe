"""Columns of a gateway become the rows its points would have become one by one, and a hostile stream costs nothing."""

import io
import json
import struct
import tracemalloc

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrow_points import CONTENT_TYPE, MAX_COLUMN_POINTS
from ingest.decode import Decoded, decode
from ingest.native import MAX_PAYLOAD_BYTES
from ingest.receipts import receipt_keys
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic

NOW_S = 1_772_208_125.0
TOPIC = "tm/v1/t1/d1/pos"
POINTS = {"ts": [NOW_S - 3, NOW_S - 2], "lat": [40.748441, 40.75], "lon": [-73.985664, -73.99]}


def stream(columns: object, *, metadata: dict[str, str] | None = None, **options: object) -> bytes:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    table = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def arrow(payload: bytes, *, topic: str = TOPIC, content_type: str | None = CONTENT_TYPE) -> Decoded:
    message = Received(
        topic, parse_topic(topic), payload, round(NOW_S * 1e6), False, "s", 1, payload_hash(payload), content_type
    )
    return decode([message], max_age_days=30)


def reason_of(payload: bytes) -> str:
    result = arrow(payload)
    assert result.positions.num_rows == 0
    (reason,) = result.rejects["reason"].to_pylist()
    return reason


NUMBERS = st.none() | st.floats(-1e6, 1e6)
COLUMNS = dict.fromkeys(("lat", "lon", "spd_kmh", "alt_m", "hdop", "odo_m", "fuel_pct", "batt_v", "rpm"), NUMBERS)
COLUMNS |= {
    "ts": st.none() | st.floats(NOW_S - 1e7, NOW_S + 1e3),
    "ign": st.none() | st.booleans(),
    "sat": st.none() | st.integers(-5, 50),
    "seq": st.none() | st.integers(0, 2**62),
    "route_id": st.none() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=4),
    "mood": st.none() | st.integers(0, 9),
}


@given(st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_columns_become_the_rows_that_points_would_have_become(points):
    kinds = {"ign": pa.bool_(), "sat": pa.int32(), "seq": pa.int64(), "route_id": pa.string(), "mood": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in COLUMNS])
    columns = arrow(stream(pa.Table.from_pylist(points, schema=schema), metadata={"boot": "41"}))
    sent = [{name: value for name, value in point.items() if value is not None} for point in points]
    body = json.dumps({"v": 1, "dev": "d1", "boot": 41, "pts": sent}).encode()
    rows = arrow(body, content_type=None)
    ours = ["source_format", "payload_hash"]
    assert columns.positions.drop_columns(ours).equals(rows.positions.drop_columns(ours))
    assert columns.rejects["reason"].equals(rows.rejects["reason"])
    assert columns.rejects["point_index"].equals(rows.rejects["point_index"])
    assert columns.events["event_us"].equals(rows.events["event_us"])


def test_a_stream_is_known_by_how_it_begins_where_mqtt_has_no_content_type():
    result = arrow(stream(POINTS), content_type=None)
    assert result.positions["source_format"].to_pylist() == ["arrow", "arrow"]
    assert arrow(stream(POINTS), topic="tm/v1/t1/d1/his").positions["backlog"].to_pylist() == [True, True]


def test_instants_may_be_timestamps_and_other_columns_are_kept():
    times = pa.array([1772208122123456], pa.timestamp("us", "UTC"))
    result = arrow(stream({"ts": times, "lat": [1.0], "lon": [2.0], "dev": ["d1"], "axle": [3], "note": ["x"]}))
    (row,) = result.positions.to_pylist()
    assert (row["fix_ms"], json.loads(row["extra"])) == (1772208122123, {"axle": 3, "note": "x"})


def test_nan_counts_as_not_sent():
    result = arrow(stream(POINTS | {"spd_kmh": [float("nan"), 3.0], "lat": [40.7, float("nan")]}))
    assert result.positions["speed_ckmh"].to_pylist() == [None]
    assert result.rejects["reason"].to_pylist() == ["position_missing"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (stream(POINTS | {"dev": ["d1", "other"]}), "device_mismatch"),
        (stream(POINTS | {"dev": ["d1", None]}), "device_mismatch"),
        (stream(POINTS, metadata={"v": "2"}), "unknown_version"),
        (stream(POINTS, metadata={"boot": "x"}), "bad_arrow"),
        (stream(POINTS, metadata={"boot": str(2**70)}), "wrong_type"),
        (stream(pa.table(POINTS)[:0]), "no_points"),
        (stream(POINTS | {"lat": ["a", "b"]}), "wrong_type"),
        (stream(POINTS | {"seq": [0.5, 1.5]}), "wrong_type"),
        (stream(POINTS | {"seq": pa.array([1, 2**64 - 1], pa.uint64())}), "wrong_type"),
        (stream(POINTS | {"ign": [0, 2]}), "wrong_type"),
        (stream(POINTS | {"route_id": [1, 2]}), "wrong_type"),
        (stream(POINTS | {"spd_kmh": pa.array([1, 2], pa.date32())}), "wrong_type"),
        (stream(POINTS | {"x": [[1], [2]]}), "bad_arrow"),
        (stream(POINTS | {"x": [{"a": 1}, None]}), "bad_arrow"),
        (stream(POINTS | {"x": pa.array(["a", "b"]).dictionary_encode()}), "bad_arrow"),
        (stream(POINTS | {"x": pa.nulls(2)}), "bad_arrow"),
        (stream(POINTS | {f"x{n}": [1, 2] for n in range(70)}), "bad_arrow"),
        (stream(POINTS | {"a\0b": [1, 2]}), "bad_arrow"),  # found by the coverage-guided fuzzer: polars panicked
        (stream(POINTS | {"": [1, 2]}), "bad_arrow"),
        (stream(POINTS, compression="zstd"), "bad_arrow"),
        (stream(POINTS, compression="lz4"), "bad_arrow"),
        (stream(POINTS)[:200], "bad_arrow"),
        (stream(POINTS)[:-90], "bad_arrow"),
        (stream(POINTS) + stream(POINTS), "bad_arrow"),
        (stream(POINTS)[:-8] + stream(POINTS)[:-8], "bad_arrow"),
        (stream(POINTS) + b"junk", "bad_arrow"),
        (stream(POINTS)[:-8] + b"junk", "bad_arrow"),
        (b"\xff\xff\xff\xff", "bad_arrow"),
        (b"not arrow at all", "bad_arrow"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\0" * 64, "bad_arrow"),
        (stream({"ign": [True] * (MAX_COLUMN_POINTS + 1)}), "too_many_points"),
        (stream(POINTS) + b"\0" * MAX_PAYLOAD_BYTES, "too_large"),
    ],
)
def test_a_stream_that_is_none_is_one_reject_with_its_reason(payload, reason):
    assert reason_of(payload) == reason


def test_a_stream_that_would_unpack_to_much_more_takes_no_memory():
    bomb = stream({"ts": [0.0] * 5_000_000}, compression="zstd")
    assert len(bomb) < MAX_PAYLOAD_BYTES
    before = pa.total_allocated_bytes()
    peak = pa.default_memory_pool().max_memory()
    tracemalloc.start()
    assert reason_of(bomb) == "bad_arrow"
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2_000_000
    assert pa.default_memory_pool().max_memory() <= max(peak, before + 2_000_000)


def test_a_receipt_lists_the_numbers_of_a_stream():
    payload = stream(POINTS | {"seq": [7, None]}, metadata={"boot": "41"})
    keys = receipt_keys(TOPIC, payload)
    assert keys is not None
    assert (keys.ack_topic, keys.boot, keys.seqs) == ("tm/v1/t1/d1/ack", 41, (7,))
    assert receipt_keys(TOPIC, stream(POINTS)) is None
    assert receipt_keys(TOPIC, payload[:150]) is None


def test_a_bad_point_among_good_columns_is_kept_with_its_unknown_columns():
    result = arrow(stream(POINTS | {"lat": [91.0, 40.75], "mood": [3, 4], "note": [None, "x"]}))
    (row,) = result.rejects.to_pylist()
    assert (row["reason"], row["point_index"]) == ("position_out_of_range", 0)
    assert json.loads(row["payload"]) == {"ts": NOW_S - 3, "lat": 91.0, "lon": -73.985664, "mood": 3, "note": None}


def test_padding_after_the_end_says_nothing_and_a_stream_may_end_without_its_mark():
    assert arrow(stream(POINTS) + b"\0" * 24).positions.num_rows == 2
    assert arrow(stream(POINTS)[:-8]).positions.num_rows == 2


def test_text_may_come_as_views_which_is_what_polars_writes():
    sink = io.BytesIO()
    frame = pl.DataFrame(
        POINTS | {"route_id": ["R207", None], "dev": "d1", "note": ["a longer text than a view holds", ""]}
    )
    frame.write_ipc_stream(sink)
    result = arrow(sink.getvalue())
    assert result.rejects.num_rows == 0
    assert result.positions["route_id"].to_pylist() == ["R207", None]
    notes = [json.loads(extra)["note"] for extra in result.positions["extra"].to_pylist()]
    assert notes == ["a longer text than a view holds", ""]


def test_views_that_share_one_text_take_no_memory():
    text = b"x" * 30_000
    view = struct.pack("<i4sii", len(text), b"xxxx", 0, 0)
    buffers = [None, pa.py_buffer(view * MAX_COLUMN_POINTS), pa.py_buffer(text)]
    shared = pa.Array.from_buffers(pa.string_view(), MAX_COLUMN_POINTS, buffers)
    payload = stream({"note": shared})
    assert len(payload) < MAX_PAYLOAD_BYTES
    assert reason_of(payload) == "bad_arrow"
