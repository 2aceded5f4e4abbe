"""Take messages from one connection and bring their points to disk as columns, in a process of its own.

    python -m flows.bench.ingest.pipelines KIND PORT COUNT FOLDER FORM

    naive   stock paho: its callback reads JSON, a dict for each point; polars and Parquet
    tuned   paho without Nagle: its callback keeps the payload; another thread writes a log, acknowledges what is on
            disk, reads JSON with msgspec into lists, and writes Parquet
    ours    our connection, the collector's log and acknowledgements, the compiled scanner on a thread of its own,
            Arrow files

Each file is sorted by van and time and flushed to disk. Prints `ready` when it is subscribed, then one line of JSON:
when all was on disk, what that took, and a digest of what is in the files.
"""

import json
import logging
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from flows.bench.ingest.consumer import say_ready
from flows.bench.ingest.decoders import FULL, SEVEN
from flows.bench.ingest.listening import TOPICS, Listening
from flows.bench.ingest.traffic import Form
from ingest.durable import sync_path

ROWS_A_FILE = 500_000
LOOK_S = 0.002
TOGETHER = 20_000  # messages that the scanner is given at once
WAIT_S = 120.0


class Asked(NamedTuple):
    """Where to take how many messages, which columns to make of them beside the van, and where to put them."""

    port: int
    message_count: int
    folder: Path
    names: Sequence[str]
    ready: Callable[[], None]  # to be called when it is subscribed


def naive(asked: Asked) -> None:
    """Take a message as the first example on the web does."""
    rows: list[dict[str, Any]] = []
    seen, is_over = [0], threading.Event()

    def write() -> None:
        frame = pl.DataFrame(rows, infer_schema_length=None).select("dev", *asked.names).sort("dev", "ts")
        _write_frame(frame, asked.folder / f"{seen[0]}.parquet")
        rows.clear()

    def on_message(_client: object, _data: object, message: Any) -> None:
        body = json.loads(message.payload)
        for point in body["pts"]:
            point["dev"] = body["dev"]
            rows.append(point)
        seen[0] += 1
        if len(rows) >= ROWS_A_FILE or seen[0] == asked.message_count:
            write()
        if seen[0] == asked.message_count:
            is_over.set()

    client = _paho("bench-naive", on_message, asked)
    client.connect("127.0.0.1", asked.port, 600)
    client.loop_start()
    is_over.wait(WAIT_S)


def tuned(asked: Asked) -> None:
    """Take messages with what paho, msgspec and polars have to offer."""
    import msgspec

    kinds = [(name, bool if name == "ign" else float) for name in asked.names]
    point_kind: Any = msgspec.defstruct("PointOfColumns", kinds)
    message_kind = msgspec.defstruct("Message", [("dev", str), ("pts", list[point_kind])])
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(message_kind).decode
    arrived: deque[Any] = deque()
    on_disk: deque[Any] = deque()

    def on_message(_client: object, seen: list[int], message: Any) -> None:
        seen[0] += 1
        arrived.append(message)

    client = _paho("bench-tuned", on_message, asked, manual_ack=True, userdata=[0])
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_socket_register_write = lambda *_: None  # acknowledgements wait for `loop_write`
    client.connect("127.0.0.1", asked.port, 600)
    threading.Thread(target=_own_loop, args=(client, on_disk), daemon=True).start()
    columns: dict[str, list[Any]] = {name: [] for name in ("dev", *asked.names)}
    devices, filled = columns["dev"], [(name, columns[name]) for name in asked.names]
    log = os.open(asked.folder / "log", os.O_CREAT | os.O_WRONLY)
    left = asked.message_count
    while left:
        batch = [arrived.popleft() for _ in range(len(arrived))]
        if not batch:
            time.sleep(LOOK_S)
            continue
        os.write(log, b"\n".join([message.payload for message in batch]) + b"\n")
        os.fdatasync(log)
        on_disk.extend(batch)
        for message in batch:
            body = decode(message.payload)
            points = body.pts
            devices += [body.dev] * len(points)
            for name, values in filled:
                values += [getattr(point, name) for point in points]
        left -= len(batch)
        if len(devices) >= ROWS_A_FILE or not left:
            _write_frame(pl.DataFrame(columns).sort("dev", "ts"), asked.folder / f"{left}.parquet")
            for values in columns.values():
                values.clear()
    os.close(log)


def _own_loop(client: Any, on_disk: deque[Any]) -> None:
    """paho's loop without a `select` and a wake-up for each packet; acknowledges what is on disk."""
    seen = client.user_data_get()
    while (sock := client.socket()) is not None:
        select.select([sock], [sock] if client.want_write() else [], [], LOOK_S)
        before = -1
        while before != seen[0]:
            before = seen[0]
            client.loop_read()
        for _ in range(len(on_disk)):
            client.ack(on_disk.popleft().mid, 1)
        client.loop_write()
        client.loop_misc()


def ours(asked: Asked) -> None:
    """Take messages in bulk: log, acknowledge, scan."""
    from flows.fast_ingest import packet_tools, scanners
    from ingest.arrivals import Lifted, arrived_batch, lifted
    from ingest.bulk_socket import BulkClient, Lifting
    from ingest.client import broker_address
    from ingest.connection import Connection
    from ingest.open_segment import SCHEMA, OpenSegment
    from ingest.packets import Packets
    from ingest.settings import IngestSettings
    from ingest.spool import flush_to_disk

    tools, compiled = packet_tools(), scanners(IngestSettings.read(plain=False))
    assert compiled is not None
    _scanned([pa.RecordBatch.from_pylist([], schema=SCHEMA)], compiled.native)  # compiles, or reads the cache
    batches: SimpleQueue[pa.RecordBatch] = SimpleQueue()
    log = OpenSegment(asked.folder, 1)

    arrived: list[Lifted] = []

    def take(packets: Packets) -> None:
        arrived.append(lifted(packets, tools.columns, connection=1, received_us=time.time_ns() // 1000))

    class Keeping(Listening):
        """A handler that acknowledges what is in the log: as much as one read brought, flushed together."""

        def turn(self, client: Any) -> None:
            if not arrived:
                return
            batch = arrived_batch(arrived)
            log.append(batch, flush_to_disk)
            assert isinstance(client, BulkClient)
            client.acknowledge(np.concatenate([one.unanswered_ids for one in arrived]))
            arrived.clear()
            batches.put(batch)

    handler = Keeping(asked.ready)
    connection = Connection(
        broker_address(f"mqtt://127.0.0.1:{asked.port}?version=5"),
        handler,
        client_id="bench-ours",
        clean_session=True,
        manual_ack=True,
        lifting=Lifting(take, lambda: tools),
    )
    connection.start()
    left, parts, rows, waiting, ready = asked.message_count, [], 0, 0, []
    while left:
        ready.append(batches.get(timeout=WAIT_S))
        waiting += ready[-1].num_rows
        left -= ready[-1].num_rows
        if waiting >= TOGETHER or not left:
            parts.append(_scanned(ready, compiled.native))
            rows += parts[-1].num_rows
            waiting, ready = 0, []
        if rows >= ROWS_A_FILE or not left:
            _write_sorted(pa.concat_tables(parts, promote_options="permissive"), asked, left)
            parts, rows = [], 0
    log.close()
    connection.close()


def _scanned(batches: Sequence[pa.RecordBatch], scan: Callable[[Any], Any]) -> pa.Table:
    """The points of messages as columns, with the van's name as a dictionary."""
    from ingest.scanned import Payloads, joined

    table = pa.Table.from_batches(batches)
    text, bounds = joined(table["payload"])
    topics = table["topic"].combine_chunks().dictionary_encode()
    vans = [topic.split("/")[3] for topic in topics.dictionary.to_pylist()]
    van_of = topics.indices.to_numpy().astype(np.int64)
    found = scan(Payloads(text, bounds[:-1], bounds[1:], [van.encode() for van in vans], van_of))
    assert found.is_read.all()
    van = pa.DictionaryArray.from_arrays(np.repeat(topics.indices.to_numpy(), np.diff(found.starts)), vans)
    return pa.table({"dev": van, **found.columns})


def _write_sorted(table: pa.Table, asked: Asked, number: int) -> None:
    table = table.select(["dev", *asked.names]).unify_dictionaries().combine_chunks()
    van = table["dev"].chunk(0)
    time_ms = np.rint(table["ts"].to_numpy() * 1000).astype(np.int64)
    # One number for van and time, which are less than 2^20 and 2^42: those sort much faster than two columns.
    order = np.argsort(van.indices.to_numpy().astype(np.int64) << 42 | time_ms)
    path = asked.folder / f"{number}.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.take(pa.array(order)))
    sync_path(path)


def _write_frame(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path)
    sync_path(path)


def _paho(client_id: str, on_message: Any, asked: Asked, **options: Any) -> Any:
    """A client that asks for all positions and tells when it is granted them."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, client_id, **options)
    client.on_message = on_message
    client.on_subscribe = lambda *_: asked.ready()

    def on_connect(*_: object) -> None:
        client.subscribe(TOPICS, 1)

    client.on_connect = on_connect
    return client


def digest(folder: Path, names: Sequence[str]) -> tuple[int, str]:
    """How many rows there are in the files, and a digest of those that differ, whatever their order and type."""
    frames = [pl.read_parquet(path) for path in folder.glob("*.parquet")]
    frames += [pl.DataFrame(pa.ipc.open_file(path).read_all()) for path in folder.glob("*.arrow")]
    kinds = [pl.col("dev").cast(pl.String), *(pl.col(name).cast(pl.Float64) for name in names)]
    frame = pl.concat([frame.select(kinds) for frame in frames])
    text = frame.unique().sort("dev", *names).write_csv()
    return frame.height, blake2b(text.encode(), digest_size=16).hexdigest()


PIPELINES: dict[str, Callable[[Asked], None]] = {"naive": naive, "tuned": tuned, "ours": ours}


def main() -> None:
    """Be one pipeline."""
    kind, port, count, folder, form = sys.argv[1:]
    logging.getLogger("ingest").setLevel(logging.ERROR)  # at the end the server goes first
    before_s = [0.0]

    def ready() -> None:
        before_s[0] = time.process_time()
        say_ready()

    asked = Asked(int(port), int(count), Path(folder), FULL if form == Form.full else SEVEN, ready)
    pl.DataFrame({"dev": ["a"], "ts": [1.0]}).sort("dev", "ts").write_parquet(asked.folder / "warm")
    PIPELINES[kind](asked)
    ended_s, cpu_s = time.perf_counter(), time.process_time() - before_s[0]
    rows, found = digest(asked.folder, asked.names)
    print(json.dumps({"ended_s": ended_s, "cpu_s": cpu_s, "rows": rows, "digest": found}), flush=True)
    os._exit(0)  # paho's thread, which nobody waits for


if __name__ == "__main__":
    main()
