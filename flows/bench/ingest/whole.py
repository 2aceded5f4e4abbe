"""How fast do messages become durable columns on disk, from the socket on?

Everybody takes the same packets, made before, at QoS 1 under a window of 20,000 (our client asks brokers for 65,535;
who waits for the disk before acknowledging is bound by a small one), and ends with files that are flushed to disk:
van, time, place, speed, heading and engine, or all that was sent, sorted by van and time
(`flows.bench.ingest.pipelines`). What is in the files is compared. Beside it our way to the lake, from sealed segments
on, with every column, rule and lineage, by the fast decoder and by the simple one.
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pyarrow as pa

from flows.bench.figures import Figure, Section
from flows.bench.ingest.runs import WIDE_WINDOW, Brought, brought_to_disk
from flows.bench.ingest.traffic import Form
from flows.bench.ingest.vans import START_S, Said, said
from flows.fast_ingest import scanners
from ingest.lake import load_spool
from ingest.open_segment import SCHEMA
from ingest.scanned import Scanners
from ingest.segments import write_whole
from ingest.settings import IngestSettings

REPEATS = 3
POINTS = 60_000  # on the way to the lake
SEGMENTS = 4
# Messages of each run by points a message: enough for a second or so; every van says all it has to say.
COUNTS = {
    "naive": {1: 40_000, 10: 20_000},
    "tuned": {1: 60_000, 10: 25_000},
    "ours": {1: 2_000_000, 10: 300_000},
}
LEAST = 2_500  # the server leaves out what does not fill a piece
NAMES = {
    "naive": "naive: paho, json, dicts, polars",
    "tuned": "tuned: paho, log, msgspec, polars",
    "ours": "ours",
}
GOALS = {1: {"naive": 50.0, "tuned": 25.0}, 10: {"naive": 10.0, "tuned": 4.0}}


def whole_section(share: float = 1.0) -> Section:
    """Measure single points and batches of ten, seven columns and the full row."""
    figures = []
    for form in (Form.few, Form.full):
        for points in (1, 10):
            figures += _pipeline_figures(points, form, _repeated(points, form, share))
    for points in (1, 10):
        figures += lake_figures(points, max(round(POINTS * share / points), SEGMENTS))
    notes = [
        f"Pipelines: median of their runs, packets made before, window of {WIDE_WINDOW:,}. CPU is that of all threads.",
        "Segments to lake: processor time of all threads; taking messages from a broker is not part of it.",
    ]
    return Section("Whole: messages to durable columns", figures, notes)


def _repeated(points: int, form: Form, share: float) -> dict[str, Brought]:
    found: dict[str, list[Brought]] = {kind: [] for kind in COUNTS}
    for _ in range(REPEATS):
        for kind, counts in COUNTS.items():
            count = max(round(counts[points] * share), LEAST)
            found[kind].append(brought_to_disk(kind, points, count, form))
    if len({brought.digest for runs in found.values() for brought in runs}) > 1:
        raise AssertionError(f"the pipelines wrote other columns: {found}")
    return {
        kind: Brought(median(one.a_second for one in runs), median(one.cpu_us for one in runs), runs[0].digest)
        for kind, runs in found.items()
    }


def _pipeline_figures(points: int, form: Form, found: dict[str, Brought]) -> list[Figure]:
    size = f"{'seven columns' if form == Form.few else 'full row'}, {points} a message"
    ours = found["ours"]
    figures = [Figure(f"{NAMES[kind]}, {size}", brought.a_second, "points/s") for kind, brought in found.items()]
    for kind in ("naive", "tuned"):
        ratio = ours.a_second / found[kind].a_second
        goal = GOALS[points][kind] if form == Form.few else None
        figures.append(Figure(f"ours, {size}", ours.a_second, "points/s", NAMES[kind], ratio, goal))
    for kind in ("naive", "tuned"):
        used_us = found[kind].cpu_us
        figures.append(
            Figure(f"ours, CPU, {size}", ours.cpu_us, "us/point", f"that of {NAMES[kind]}", used_us / ours.cpu_us)
        )
    return figures


def lake_figures(points: int, messages: int) -> list[Figure]:
    """Measure our way from sealed segments on, fast and plain."""
    full = said(points, messages, is_full=True)
    compiled = scanners(IngestSettings.read(plain=False))
    assert compiled is not None
    taken: dict[str, list[float]] = {"fast": [], "plain": []}
    for turn in range(REPEATS + 1):
        for name, chosen in (("fast", compiled), ("plain", None)):
            with TemporaryDirectory(prefix="odograph-bench-") as folder:
                _seal(full, Path(folder) / "spool" / "main")
                before_s = process_time()
                rows = _to_lake(chosen, Path(folder))
                if turn:  # the first time is for imports and compilers
                    taken[name].append(process_time() - before_s)
            if rows != points * messages:
                raise AssertionError(f"{name}: {rows} rows of {points * messages}")
    fast, plain = (points * messages / median(taken[name]) for name in ("fast", "plain"))
    what = f"ours, segments to lake, {points} a message"
    return [Figure(what, fast, "points/s", "the same with ODOGRAPH_PLAIN", fast / plain)]


def _to_lake(compiled: Scanners | None, folder: Path) -> int:
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
