"""Take messages from one connection in one way, in a process of its own, and say what that took.

    python -m flows.bench.ingest.consumer KIND PORT COUNT FOLDER

    paho      stock paho, its own thread, a callback that counts
    bare      a socket and a compiled loop over packets, nothing else: what the machine can do
    at-once   our connection with a handler that acknowledges what it is given
    durable   our collector: on disk first; FOLDER gets its spool, COMMIT_MS is its group commit
    plain     our collector with ODOGRAPH_PLAIN

Prints `ready` when it is subscribed, then one line of JSON: from the first message to the last, wall and processor
time, and, of messages that carry the instant they were sent, how long they took to the disk and to their answer.
"""

import contextlib
import io
import json
import logging
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from flows.bench.ingest.listening import TOPICS, Listening
from flows.bench.ingest.traffic import PROBE_TOPIC, connect_packet, subscribe_packet

IDLE_S = 5.0  # after which nothing more will come
LOOK_S = 0.02  # who looked oftener would wake up the process it watches


class Clock:
    """Times from the first message to the last."""

    def __init__(self, count: int) -> None:
        self.wanted = count
        self.count = self.first_count = 0
        self._first_s = self._last_s = self._first_cpu_s = self._last_cpu_s = 0.0

    def saw(self, count: int) -> None:
        """Note that so many have come by now; the first look begins the time."""
        if count == self.count:
            return
        self._last_s, self._last_cpu_s = time.perf_counter(), time.process_time()
        if not self.count:
            self.first_count, self._first_s, self._first_cpu_s = count, self._last_s, self._last_cpu_s
        self.count = count

    @property
    def is_over(self) -> bool:
        """Whether all is here, or nothing more comes."""
        return self.count >= self.wanted or (self.count > 0 and time.perf_counter() - self._last_s > IDLE_S)

    def result(self) -> dict[str, float]:
        """What it took."""
        timed = max(self.count - self.first_count, 1)
        seconds = max(self._last_s - self._first_s, 1e-9)
        return {
            "count": self.count,
            "a_second": timed / seconds,
            "cpu_us": (self._last_cpu_s - self._first_cpu_s) / timed * 1e6,
        }


def say_ready() -> None:
    """Tell who started us."""
    print("ready", flush=True)


def wait_for(clock: Clock, look: Callable[[], int]) -> None:
    """Look again and again until it is over."""
    while not clock.is_over:
        time.sleep(LOOK_S)
        clock.saw(look())


def with_paho(port: int, clock: Clock) -> None:
    """Stock paho as its documentation shows it."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    seen = [0]

    def on_message(*_: object) -> None:
        seen[0] += 1

    client = Client(CallbackAPIVersion.VERSION2, "bench-paho")
    client.on_message = on_message
    client.on_subscribe = lambda *_: say_ready()

    def on_connect(*_: object) -> None:
        client.subscribe(TOPICS, 1)

    client.on_connect = on_connect
    client.connect("127.0.0.1", port, 600)
    client.loop_start()
    wait_for(clock, lambda: seen[0])


def with_bare_scanner(port: int, clock: Clock) -> None:
    """A socket and a loop, MQTT 5."""
    import numpy as np

    from flows.bench.ingest.bare import answers_to

    stream, answers = np.empty(1 << 21, np.uint8), np.empty(1 << 20, np.uint8)
    answers_to(stream, 0, answers)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_packet("bench-bare", receive_maximum=65_535))
        connection.recv(4096)
        connection.sendall(subscribe_packet(TOPICS, is_v5=True))
        connection.recv(4096)
        say_ready()
        end = count = 0
        while not clock.is_over:
            received = connection.recv_into(stream.data[end : end + (1 << 20)])
            if not received:
                break
            end += received
            found, stop = answers_to(stream, end, answers)
            connection.sendall(answers.data[: 4 * found])
            stream[: end - stop] = stream[stop:end]
            end -= stop
            count += found
            clock.saw(count)


def with_our_connection(port: int, clock: Clock) -> None:
    """Our connection; messages are acknowledged when they are lifted and then forgotten."""
    from flows.fast_ingest import packet_tools
    from ingest.bulk_socket import BulkClient, Lifting
    from ingest.client import broker_address
    from ingest.connection import Connection
    from ingest.packets import Packets

    ids = deque[Any]()

    class Counting(Listening):
        """A handler that keeps nothing."""

        def lifted(self, packets: Packets) -> None:
            clock.saw(clock.count + packets.message_count)
            ids.append(packets.unanswered_ids)

        def turn(self, client: Any) -> None:
            while ids:
                assert isinstance(client, BulkClient)
                client.acknowledge(ids.popleft())

    handler, tools = Counting(say_ready), packet_tools()
    connection = Connection(
        broker_address(f"mqtt://127.0.0.1:{port}?version=5"),
        handler,
        client_id="bench-at-once",
        clean_session=True,
        manual_ack=True,
        lifting=Lifting(handler.lifted, lambda: tools),
    )
    connection.start()
    while not clock.is_over:  # looking oftener would cost as much as taking messages does
        time.sleep(0.05)
    time.sleep(0.1)


class Delays(NamedTuple):
    """Of messages that carry the instant they were sent, milliseconds to the disk and to their acknowledgement."""

    to_disk_ms: list[float]
    to_answer_ms: list[float]


def with_our_collector(port: int, clock: Clock, folder: Path, *, is_plain: bool) -> dict[str, object]:
    """Our collector as it runs in earnest, watched from another thread."""
    from flows.fast_ingest import packet_tools
    from ingest.collector import SWITCH_S, collect
    from ingest.self_report import Parts
    from ingest.settings import IngestSettings

    settings = IngestSettings.read(
        _env_file=None,
        data_dir=folder,
        broker_url=f"mqtt://127.0.0.1:{port}?version=5",
        commit_ms=float(os.environ.get("COMMIT_MS", "5")),
        clean_session=True,
        plain=is_plain,
    )
    tools = packet_tools()
    sys.setswitchinterval(SWITCH_S)
    stopping, found = threading.Event(), deque[Parts](maxlen=1)
    delays = Delays([], [])

    def observe(parts: Parts) -> None:
        found.append(parts)
        _watch_delays(parts, delays)

    def watch() -> None:
        while not found or not found[0].intake.is_ready.wait(0.1):
            time.sleep(0.01)
        say_ready()
        wait_for(clock, lambda: found[0].intake.acknowledged_count)
        stopping.set()

    threading.Thread(target=watch, daemon=True).start()
    with contextlib.redirect_stderr(io.StringIO()):  # its own `ready`
        collect(settings, stopping, load_tools=lambda: tools, observe=observe)
    return {**delays._asdict(), "receipts": found[0].receipts.published_count}


def _watch_delays(parts: Any, delays: Delays) -> None:
    """Look at each group commit once it is on disk, and again when its acknowledgements are handed to the socket."""
    import pyarrow.compute as pc

    append, turn = parts.spool.append_batch, parts.intake.turn
    on_disk: deque[list[int]] = deque()  # of each group commit, when its marked messages were sent
    answered: list[int] = []
    probe = PROBE_TOPIC.encode()

    class Noting(deque[Any]):
        """The group commits to be acknowledged."""

        def popleft(self) -> Any:
            answered.extend(on_disk.popleft())
            return super().popleft()

    def append_and_look(batch: Any) -> None:
        append(batch)
        now_ns = time.time_ns()
        has_any = probe in batch["topic"].buffers()[2].to_pybytes()  # which costs far less than to look at each
        marked = batch["payload"].filter(pc.equal(batch["topic"], PROBE_TOPIC)).to_pylist() if has_any else ()
        sent = [int(json.loads(payload)["sent_ns"]) for payload in marked]
        delays.to_disk_ms.extend((now_ns - sent_ns) / 1e6 for sent_ns in sent)
        on_disk.append(sent)

    def turn_and_look(client: Any) -> None:
        turn(client)
        now_ns = time.time_ns()
        delays.to_answer_ms.extend((now_ns - sent_ns) / 1e6 for sent_ns in answered)
        answered.clear()

    parts.intake.unacknowledged = Noting()
    parts.spool.append_batch, parts.intake.turn = append_and_look, turn_and_look


def main() -> None:
    """Be one consumer."""
    kind, port, count, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    clock = Clock(count)
    logging.getLogger("ingest").setLevel(logging.ERROR)  # at the end the broker goes first
    more: dict[str, object] = {}
    if kind == "paho":
        with_paho(port, clock)
    elif kind == "bare":
        with_bare_scanner(port, clock)
    elif kind == "at-once":
        with_our_connection(port, clock)
    else:
        more = with_our_collector(port, clock, folder, is_plain=kind == "plain")
    print(json.dumps(clock.result() | more), flush=True)
    os._exit(0)  # paho's thread and connections that nobody waits for


if __name__ == "__main__":
    main()
