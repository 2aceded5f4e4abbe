"""How does a network get into the spool, as its collector would have sealed it, or into the lake, as a loader would?"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from flows.bench.line.fleet import SPOOL, lake_rows
from flows.bench.network.days import ROWS, Days, Stretch
from flows.bench.network.places import Into
from flows.bench.network.text import MOST_BYTES, write_messages
from flows.bench.network.vans import Ints, Network
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.lake import LOADED_GROUP_ROWS, opened_table, writer_properties
from ingest.listing import SEALED_SUFFIX
from ingest.open_segment import SCHEMA
from ingest.segments import write_whole
from ingest.spool import Spool
from warehouse.connection import writer_lock

SEAL_US = 5_000_000  # a collector seals what it has after so long
HUNDREDTH_E7 = 100_000
THREADS = 2


class Written(NamedTuple):
    """What was put there; `segment` is the last one of the spool so far."""

    points: int
    messages: int
    segment: int


class Segments(NamedTuple):
    """Which messages of a stretch a collector seals together: where each segment begins, and its number of each."""

    starts: Ints
    of_message: Ints


Put = Callable[[Stretch, Segments], None]


def write(
    settings: Settings,
    into: Into,
    network: Network,
    days: Days,
    found: Iterable[Stretch],
    before: int = 0,
    *,
    seal_us: int = SEAL_US,
) -> Written:
    """Put messages there as they arrive; `before` is the last segment there is, and one lasts so long."""
    if into is Into.spool:
        folder = settings.spool_dir / SPOOL
        with Spool.open(folder) as spool:
            spool_id = spool.spool_id
        with ThreadPoolExecutor(THREADS) as pool:
            return _written(partial(_seal, pool, folder, spool_id, network, days), found, before, seal_us)
    with writer_lock(settings.lock_path, wait_s=1):
        return _written(partial(_commit, opened_table(POSITIONS, settings), network, days), found, before, seal_us)


def spool_rows(network: Network, days: Days, stretch: Stretch) -> pa.Table:
    """Messages as the spool keeps them."""
    lived = days.lived
    text = np.empty(int((stretch.points + 1).sum()) * MOST_BYTES, np.uint8)
    offsets = np.zeros(stretch.van.size + 1, np.int64)
    write_messages(
        *(stretch.van, stretch.first_row, stretch.points, network.later_ms[stretch.van]),
        *(network.elsewhere[stretch.van] * HUNDREDTH_E7, ROWS, lived.fix_ms, lived.latitude_e7, lived.longitude_e7),
        *(lived.altitude_dm, lived.speed_ckmh, lived.heading_ddeg, lived.hdop_c, lived.satellites, lived.ignition),
        *(text, offsets[1:]),
    )
    payload = pa.Array.from_buffers(
        pa.binary(), stretch.van.size, [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)]
    )
    topics = pa.array(
        [f"tm/v1/{van.tenant_id}/{van.device_id}/{kind}" for van in network.names for kind in ("pos", "his")]
    )
    count = stretch.van.size
    columns = [
        topics.take(pa.array(2 * stretch.van + stretch.is_backlog)),
        payload,
        pa.array(stretch.received_us),
        pa.array(np.ones(count, np.uint8)),
        pa.array(np.zeros(count, np.bool_)),
        pa.nulls(count, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def position_rows(network: Network, days: Days, stretch: Stretch, segments: Segments) -> pa.Table:
    """The same as the lake keeps them, in the order of its files."""
    message = np.repeat(np.arange(stretch.van.size), stretch.points)
    index = np.arange(message.size) - np.repeat(np.cumsum(stretch.points) - stretch.points, stretch.points)
    row, van = stretch.first_row[message] + index, stretch.van[message]
    fix_ms = days.lived.fix_ms[row] + network.later_ms[van]
    order = np.argsort(van << 42 | fix_ms, kind="stable")
    message, index, row, van, fix_ms = (column[order] for column in (message, index, row, van, fix_ms))
    lived = {name: values[row] for name, values in days.lived._asdict().items()}
    is_backlog = stretch.is_backlog[message]
    return lake_rows(
        lived
        | {
            "tenant_id": _names([found.tenant_id for found in network.names], van),
            "device_id": _names([found.device_id for found in network.names], van),
            "fix_ms": fix_ms,
            "latitude_e7": lived["latitude_e7"] + (network.elsewhere[van] * HUNDREDTH_E7).astype(np.int32),
            "seq": row % ROWS,
            "backlog": is_backlog,
            "point_index": index,
            "spool_id": pa.DictionaryArray.from_arrays(np.zeros(row.size, np.int32), [SPOOL]),
            "segment_no": segments.of_message[message],
            "payload_hash": lived["payload_hash"] ^ van,
            "received_us": stretch.received_us[message],
        }
    )


def _names(names: list[str], van: Ints) -> pa.Array:
    return pa.DictionaryArray.from_arrays(van.astype(np.int32), pa.array(names))


def _written(put: Put, found: Iterable[Stretch], before: int, seal_us: int) -> Written:
    points = messages = 0
    for stretch in found:
        segments = _segments(stretch, before, seal_us)
        put(stretch, segments)
        points += int(stretch.points.sum())
        messages += stretch.van.size
        before = int(segments.of_message[-1])
    return Written(points, messages, before)


def _segments(stretch: Stretch, before: int, seal_us: int) -> Segments:
    """What a collector seals of a stretch; the last segment ends with it."""
    window = stretch.received_us // seal_us
    begins = np.concatenate([[True], window[1:] != window[:-1]])
    return Segments(np.flatnonzero(begins), before + np.cumsum(begins))


def _seal(
    pool: Executor,
    folder: Path,
    spool_id: str,
    network: Network,
    days: Days,
    stretch: Stretch,
    segments: Segments,
) -> None:
    rows = spool_rows(network, days, stretch)
    ends = np.append(segments.starts[1:], stretch.van.size)

    def seal(start: int, end: int) -> None:
        number = segments.of_message[start]
        metadata = {"spool_id": spool_id, "number": str(number)}
        part = rows.slice(start, end - start).replace_schema_metadata(metadata)
        write_whole(folder / f"{number:012d}{SEALED_SUFFIX}", part)

    list(pool.map(seal, segments.starts.tolist(), ends.tolist()))


def _commit(handle: DeltaTable, network: Network, days: Days, stretch: Stretch, segments: Segments) -> None:
    write_deltalake(
        handle,
        position_rows(network, days, stretch, segments),
        mode="append",
        writer_properties=writer_properties(POSITIONS, LOADED_GROUP_ROWS),
        commit_properties=CommitProperties(app_transactions=[Transaction(SPOOL, int(segments.of_message[-1]))]),
    )
    handle.update_incremental()
