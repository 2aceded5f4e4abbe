"""How fast do bytes become columns, beside the libraries that read JSON?

Everybody gets the same list of payloads and makes columns of van, time, place, speed, heading and engine, or of all
keys that were sent. Processor time is compared, so that a library that takes two cores gains nothing by it; runs take
turns.
"""

import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from flows.bench.figures import Figure, Section
from flows.bench.ingest.vans import Said, said
from ingest.native import Point, Positions
from ingest.scanned import PADDING, Payloads, Points

REPEATS = 3
POINTS = 60_000
LEAST_S = 0.1
SIZES = (1, 10, 60, 240)  # points a message; as many as the last send gateways that save air time
SEVEN = ("ts", "lat", "lon", "spd_kmh", "hdg_deg", "ign")
FULL = (*SEVEN, "seq", "alt_m", "hdop", "sat", "acc_m", "rpm", "odo_m", "fuel_pct", "fuel_used_l", "batt_v")
PEERS = ("json", "msgspec", "polars", "duckdb", "pyarrow")
_WHOLE = ("seq", "sat")


class Answer(NamedTuple):
    """What a decoder found, to be compared."""

    rows: int
    latitude_sum: float


Decoder = Callable[[], Answer]


def decode_section(share: float = 1.0) -> Section:
    """Measure decoding of messages of every size, of seven columns and of full rows."""
    import numba

    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        figures = [
            figure
            for is_full in (False, True)
            for points in SIZES
            for figure in _figures(points, max(round(POINTS * share / points), 10), is_full=is_full)
        ]
    finally:
        numba.set_num_threads(threads)
    notes = [f"{name} is not installed." for name in ("orjson", "simdjson") if find_spec(name) is None]
    return Section("Decode: bytes to columns, processor time of one core", figures, notes)


def _figures(points: int, messages: int, *, is_full: bool) -> list[Figure]:
    sent = said(points, messages, is_full=is_full)
    with TemporaryDirectory(prefix="odograph-bench-") as folder:
        seconds = _in_turns(_decoders(sent, FULL if is_full else SEVEN, Path(folder)))
    rates = {name: points * messages / taken / 1e6 for name, taken in seconds.items()}
    size = f"{'full row' if is_full else 'seven columns'}, {points} a message"
    best = max((name for name in PEERS if name != "json"), key=lambda name: rates[name])
    figures = [
        Figure(f"{name}, {size}", rates[name], "M points/s", "json", rates[name] / rates["json"]) for name in PEERS
    ]
    ours, packed = rates["ours"], rates["packed"]
    goals = (None, None, None) if is_full else (8.0, 2.2, 100.0)
    figures += [
        Figure(f"ours, {size}", ours, "M points/s", "json", ours / rates["json"], goals[0]),
        Figure(f"ours, {size}", ours, "M points/s", f"best library: {best}", ours / rates[best], goals[1]),
        Figure(f"packed, {size}", packed, "M points/s", "json", packed / rates["json"], goals[2]),
        Figure(f"JSON, {size}", sum(map(len, sent.json)) / points / messages, "bytes/point"),
    ]
    bytes_a_point = sum(map(len, sent.packed)) / points / messages
    limit = 12.0 if points == 10 and not is_full else None
    return [*figures, Figure(f"packed, {size}", bytes_a_point, "bytes/point", goal=limit, most=True)]


def _in_turns(decoders: dict[str, Decoder]) -> dict[str, float]:
    answers = {name: decoder() for name, decoder in decoders.items()}  # also compiles
    for name, answer in answers.items():
        if answer.rows != answers["json"].rows or abs(answer.latitude_sum / answers["json"].latitude_sum - 1) > 1e-9:
            raise AssertionError(f"{name} found {answer}, json {answers['json']}")
    taken: dict[str, list[float]] = {name: [] for name in decoders}
    for _ in range(REPEATS):
        for name, decoder in decoders.items():
            taken[name].append(_taken_s(decoder))
    return {name: median(seconds) for name, seconds in taken.items()}


def _taken_s(decoder: Decoder) -> float:
    """Processor time of one call; a quick one is called again and again, as one of a millisecond tells little."""
    calls, before_s = 0, process_time()
    while (spent_s := process_time() - before_s) < LEAST_S:
        decoder()
        calls += 1
    return spent_s / calls


def _decoders(sent: Said, names: Sequence[str], folder: Path) -> dict[str, Decoder]:
    from flows.fast_ingest import scanners
    from ingest.settings import IngestSettings

    compiled = scanners(IngestSettings.read(plain=False))
    assert compiled is not None
    return {
        "json": partial(_with_json, sent.json, names),
        "msgspec": partial(_with_msgspec, sent.json, names),
        "polars": partial(_with_polars, sent.json, names),
        "duckdb": partial(_with_duckdb, sent.json, names, folder / "messages.ndjson"),
        "pyarrow": partial(_with_pyarrow, sent.json, names),
        "ours": partial(_with_ours, compiled.native, sent.json, sent),
        "packed": partial(_with_ours, compiled.packed, sent.packed, sent),
    }


def _with_ours(scan: Callable[[Payloads], Points], messages: list[bytes], sent: Said) -> Answer:
    ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
    begins = np.concatenate([[0], ends[:-1]])
    text = np.frombuffer(b"".join([*messages, bytes(PADDING)]), np.uint8)
    devices = pa.array(sent.devices).dictionary_encode()
    senders = [device.encode() for device in devices.dictionary.to_pylist()]
    found = scan(Payloads(text, begins, ends, senders, devices.indices.to_numpy().astype(np.int64)))
    assert found.is_read.all()
    return Answer(int(found.starts[-1]), float(found.columns["lat"].to_numpy(zero_copy_only=False).sum()))


def _arrays(devices: list[str], columns: dict[str, list[Any]]) -> Answer:
    """Lists as columns; those of Python objects cost their making."""
    pa.array(devices).dictionary_encode()
    arrays = {
        name: np.array(values, np.bool_ if name == "ign" else np.int64 if name in _WHOLE else np.float64)
        for name, values in columns.items()
    }
    return Answer(len(arrays["lat"]), float(arrays["lat"].sum()))


def _with_json(messages: list[bytes], names: Sequence[str]) -> Answer:
    devices: list[str] = []
    columns: dict[str, list[Any]] = {name: [] for name in names}
    filled = list(columns.items())
    for message in messages:
        body = json.loads(message)
        for point in body["pts"]:
            devices.append(body["dev"])
            for name, values in filled:
                values.append(point[name])
    return _arrays(devices, columns)


def _with_msgspec(messages: list[bytes], names: Sequence[str]) -> Answer:
    import msgspec

    kinds = {name: bool if name == "ign" else int if name in _WHOLE else float for name in names}
    point_kind = msgspec.defstruct("PointOfColumns", list(kinds.items()))
    message_kind = msgspec.defstruct("Message", [("dev", str), ("pts", list[point_kind])])  # type: ignore[valid-type]
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(message_kind).decode
    devices: list[str] = []
    points: list[Any] = []
    for message in messages:
        body = decode(message)
        devices += [body.dev] * len(body.pts)
        points += body.pts
    return _arrays(devices, {name: [getattr(point, name) for point in points] for name in names})


def _with_polars(messages: list[bytes], names: Sequence[str]) -> Answer:
    kinds: dict[str, Any] = {
        name: pl.Boolean if name == "ign" else pl.Int64 if name in _WHOLE else pl.Float64 for name in names
    }
    schema: dict[str, Any] = {"dev": pl.String, "pts": pl.List(pl.Struct(kinds))}
    frame = pl.read_ndjson(b"\n".join(messages), schema=schema).explode("pts").unnest("pts")
    return Answer(frame.height, float(frame["lat"].sum()))


def _with_pyarrow(messages: list[bytes], names: Sequence[str]) -> Answer:
    from pyarrow import json as arrow_json

    kinds = {name: pa.bool_() if name == "ign" else pa.int64() if name in _WHOLE else pa.float64() for name in names}
    schema = pa.schema([("dev", pa.string()), ("pts", pa.list_(pa.struct(list(kinds.items()))))])
    table = arrow_json.read_json(
        io.BytesIO(b"\n".join(messages)),
        arrow_json.ReadOptions(use_threads=False, block_size=8 << 20),
        arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    points = table["pts"].combine_chunks()
    latitude = points.flatten().field("lat")
    return Answer(len(latitude), float(latitude.to_numpy().sum()))


def _with_duckdb(messages: list[bytes], names: Sequence[str], path: Path) -> Answer:
    from warehouse.connection import open_database

    path.write_bytes(b"\n".join(messages))  # it reads files only
    kinds = ", ".join(
        f"{name} {'boolean' if name == 'ign' else 'bigint' if name in _WHOLE else 'double'}" for name in names
    )
    with open_database() as connection:
        connection.execute("set threads = 1")
        table = connection.sql(
            f"select dev, unnest(pts, recursive := true) from read_json('{path}', format = 'newline_delimited',"
            f" columns = {{dev: 'varchar', pts: 'struct({kinds})[]'}})"
        ).to_arrow_table()
    return Answer(table.num_rows, float(table["lat"].to_numpy().sum()))


assert set(FULL) <= set(Point.__struct_fields__)
assert {"dev", "pts"} <= set(Positions.__struct_fields__)
