"""How fast do messages that have arrived become durable columns on disk?

Everybody begins with the payloads in memory and ends with files that are flushed to disk: the seven columns of van,
time, place, speed, heading and engine, sorted by van and time. Beside it our whole way, from sealed segments to the
lake with every column, rule and lineage, by the fast decoder and by the simple one. What it costs to take messages
from the broker is in another section.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from flows.bench.figures import Figure, Section
from flows.bench.ingest.decoders import SEVEN
from flows.bench.ingest.vans import START_S, Said, said
from flows.fast_ingest import scanners
from ingest.durable import sync_path
from ingest.lake import load_spool
from ingest.open_segment import SCHEMA
from ingest.scanned import PADDING, Payloads, Scanners
from ingest.segments import write_whole
from ingest.settings import IngestSettings

REPEATS = 3
POINTS = 60_000
SEGMENTS = 4

Way = Callable[[Path], int]  # makes files in an empty folder; how many rows they have


def whole_section(share: float = 1.0) -> Section:
    """Measure single points and batches of ten."""
    figures = [
        figure for points in (1, 10) for figure in _figures(points, max(round(POINTS * share / points), SEGMENTS))
    ]
    notes = ["Processor time of all threads. Taking messages from a broker is not part of it."]
    return Section("Whole: payloads to durable columns", figures, notes)


def _figures(points: int, messages: int) -> list[Figure]:
    few, full = said(points, messages, is_full=False), said(points, messages, is_full=True)
    compiled = scanners(IngestSettings.read(plain=False))
    assert compiled is not None
    ways: dict[str, Way] = {
        "naive: json, dicts, polars": partial(_naive, few),
        "tuned: msgspec, lists, polars": partial(_tuned, few),
        "ours, seven columns": partial(_seven_columns, few, compiled),
        "ours, segments to lake": partial(_to_lake, full, compiled),
        "ours, segments to lake, plain": partial(_to_lake, full, None),
    }
    seconds = _in_turns(ways, points * messages)
    rates = {name: points * messages / taken for name, taken in seconds.items()}
    size = f"{points} a message"
    naive, tuned, seven, lake, plain = rates
    beside = [(tuned, naive), (seven, naive), (seven, tuned), (lake, plain), (lake, naive)]
    return [
        Figure(f"{naive}, {size}", rates[naive], "points/s"),
        *(
            Figure(f"{name}, {size}", rates[name], "points/s", other, rates[name] / rates[other])
            for name, other in beside
        ),
    ]


def _in_turns(ways: dict[str, Way], rows: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(REPEATS + 1):
        for name, way in ways.items():
            with TemporaryDirectory(prefix="odograph-bench-") as folder:
                prepared = _prepared(way, Path(folder))
                before_s = process_time()
                found = prepared()
                if turn:  # the first time is for imports and compilers
                    taken[name].append(process_time() - before_s)
            if found != rows:
                raise AssertionError(f"{name}: {found} rows of {rows}")
    return {name: median(seconds) for name, seconds in taken.items()}


def _prepared(way: Way, folder: Path) -> Callable[[], int]:
    """Seal the segments beforehand where a way begins with them."""
    if isinstance(way, partial) and way.func is _to_lake:
        _seal(way.args[0], folder / "spool" / "main")
    return partial(way, folder)


def _naive(sent: Said, folder: Path) -> int:
    rows: list[dict[str, Any]] = []
    for message in sent.json:
        body = json.loads(message)
        for point in body["pts"]:
            point["dev"] = body["dev"]
            rows.append(point)
    frame = pl.DataFrame(rows, infer_schema_length=None).select("dev", *SEVEN).sort("dev", "ts")
    frame.write_parquet(folder / "naive.parquet")
    sync_path(folder / "naive.parquet")
    return frame.height


def _tuned(sent: Said, folder: Path) -> int:
    import msgspec

    kinds = [(name, bool if name == "ign" else float) for name in SEVEN]
    point_kind: Any = msgspec.defstruct("PointOfColumns", kinds)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(
        msgspec.defstruct("Message", [("dev", str), ("pts", list[point_kind])])
    ).decode
    columns: dict[str, list[Any]] = {name: [] for name in ("dev", *SEVEN)}
    for message in sent.json:
        body = decode(message)
        for point in body.pts:
            columns["dev"].append(body.dev)
            for name in SEVEN:
                columns[name].append(getattr(point, name))
    frame = pl.DataFrame(columns).sort("dev", "ts")
    frame.write_parquet(folder / "tuned.parquet")
    sync_path(folder / "tuned.parquet")
    return frame.height


def _seven_columns(sent: Said, compiled: Scanners, folder: Path) -> int:
    ends = np.cumsum(np.fromiter(map(len, sent.json), np.int64, len(sent.json)))
    text = np.frombuffer(b"".join([*sent.json, bytes(PADDING)]), np.uint8)
    devices = pa.array(sent.devices).dictionary_encode()
    van_of = devices.indices.to_numpy().astype(np.int64)
    names = devices.dictionary.to_pylist()
    begins = np.concatenate([[0], ends[:-1]])
    found = compiled.native(Payloads(text, begins, ends, [name.encode() for name in names], van_of))
    van = np.repeat(van_of, np.diff(found.starts))
    order = np.lexsort((found.columns["ts"].to_numpy(), van))
    columns = [pa.array(van).cast(pa.int32()), *(found.columns[name] for name in SEVEN)]
    table = pa.table(columns, ["dev", *SEVEN]).take(pa.array(order))
    with pa.OSFile(str(folder / "ours.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    sync_path(folder / "ours.arrow")
    return int(table.num_rows)


def _to_lake(_: Said, compiled: Scanners | None, folder: Path) -> int:
    settings = IngestSettings.read(_env_file=None, data_dir=folder, max_age_days=0)
    return load_spool(settings, scanners=compiled).positions


def _seal(sent: Said, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "id").write_text("bench")
    count = len(sent.json)
    received_us = np.full(count, (START_S + 100_000) * 1_000_000, np.int64)
    values = [sent.topics, sent.json, received_us, [1] * count, [False] * count, [None] * count]
    arrays = [pa.array(column, field.type) for column, field in zip(values, SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    for number in range(SEGMENTS):
        part = table.slice(number * count // SEGMENTS, (number + 1) * count // SEGMENTS - number * count // SEGMENTS)
        named = part.replace_schema_metadata({"spool_id": "bench", "number": str(number + 1)})
        write_whole(folder / f"{number + 1:012d}.parquet", named)
