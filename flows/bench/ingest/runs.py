"""How is one measurement made: which processes run, and what did each of them use?"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any, NamedTuple

from flows.bench.ingest.listening import TOPICS
from flows.bench.ingest.traffic import Form
from ingest.broker import MosquittoChild

PACKAGE = "flows.bench.ingest"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LONGEST_S = 120
WIDE_WINDOW = 20_000  # fewer than there are packet ids in a cycle of the server


class Plan(NamedTuple):
    """What the command was asked for."""

    minutes: float
    rate: int
    points: int
    share: float  # of the usual number of messages; tests take less
    is_packed: bool = False  # what the live part sends


class Taken(NamedTuple):
    """What one consumer took: messages a second, and microseconds of processor time for each."""

    messages: int
    a_second: float
    cpu_us: float
    broker_cpu_us: float = 0.0


class Brought(NamedTuple):
    """What one pipeline brought to disk: points a second, microseconds of processor time for each, and a digest."""

    a_second: float
    cpu_us: float
    digest: str


class DefaultMosquitto(MosquittoChild):
    """mosquitto as it comes: its default window, its default queue."""

    def command(self) -> list[str]:
        """Render a configuration that only says where to listen."""
        program, _, path = super().command()
        user = "user root\n" if os.geteuid() == 0 else ""
        Path(path).write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{user}")
        return [program, "-c", path]


def pre_encoded(kind: str, points: int, count: int, window: int = 2_000, *, commit_ms: float = 5) -> Taken:
    """Let a consumer take packets that were made before, with no broker between."""
    with serving(points, count, window) as (server, port, count):
        with consuming(kind, port, count, commit_ms) as consumer:
            result = _result(consumer)
        served = _result(server)
        # The server's own clock also has the moments before a consumer looked for the first time.
        return _taken(result)._replace(a_second=served["acknowledged"] / served["seconds"])


def brought_to_disk(kind: str, points: int, count: int, form: Form, window: int = WIDE_WINDOW) -> Brought:
    """Let one of the pipelines take packets that were made before, and bring their points to disk."""
    with (
        serving(points, count, window, form) as (server, port, count),
        TemporaryDirectory(prefix="odograph-bench-") as folder,
        _child("pipelines", kind, port, count, folder, form) as pipeline,
    ):
        result, served = _result(pipeline), _result(server)
    seconds = result["ended_s"] - served["began_s"]  # one clock for all processes of a machine
    if result["rows"] != count * points:
        raise AssertionError(f"{kind}: {result['rows']} rows of {count * points}")
    return Brought(result["rows"] / seconds, result["cpu_s"] / result["rows"] * 1e6, result["digest"])


def through_mosquitto(
    kind: str, points: int, count: int, *, commit_ms: float = 5, broker: type[MosquittoChild] = MosquittoChild
) -> Taken:
    """Let a consumer take what a generator publishes flat out through a real broker."""
    with TemporaryDirectory(prefix="odograph-broker-") as folder, broker(Path(folder)) as child:
        before_s = cpu_s(child.pid)
        if kind == "mosquitto_sub":
            taken = _with_mosquitto_sub(child.port, points, count)
        else:
            with consuming(kind, child.port, count, commit_ms) as consumer:
                publish(child.port, points, count)
                taken = _taken(_result(consumer))
        return taken._replace(broker_cpu_us=(cpu_s(child.pid) - before_s) / max(taken.messages, 1) * 1e6)


def publish(
    port: int, points: int, count: int, *, vans: int = 1_000, rate: int = 0, form: Form = Form.few
) -> dict[str, Any]:
    """Publish through a broker; return what the generator says."""
    with _child("generator", port, points, count, vans, rate, form) as generator:
        return _result(generator, longer_s=count / rate if rate else 0)


@contextmanager
def serving(
    points: int, count: int, window: int, form: Form = Form.few
) -> Iterator[tuple["subprocess.Popen[str]", int, int]]:
    """Have packets served; also gives the port and how many they are."""
    with _child("server", points, count, window, form) as server:
        assert server.stdout is not None
        port, count = map(int, server.stdout.readline().split())
        yield server, port, count


@contextmanager
def consuming(kind: str, port: int, count: int, commit_ms: float = 5) -> Iterator["subprocess.Popen[str]"]:
    """Run a consumer that is subscribed."""
    with TemporaryDirectory(prefix="odograph-bench-") as folder:
        environment = {"COMMIT_MS": str(commit_ms)}
        with _child("consumer", kind, port, count, folder, environment=environment) as consumer:
            assert consumer.stdout is not None
            while consumer.stdout.readline() not in ("ready\n", ""):
                pass
            yield consumer


def cpu_s(pid: int) -> float:
    """Processor time a running process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def resident_mib(pid: int) -> float:
    """Memory of a process that is not swapped out or somebody else's."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def has_mosquitto_sub() -> bool:
    """Whether the C client is installed."""
    return shutil.which("mosquitto_sub") is not None


def _with_mosquitto_sub(port: int, points: int, count: int) -> Taken:
    command = ["mosquitto_sub", "-p", str(port), "-q", "1", "-t", TOPICS, "-C", str(count), "-W", "60", "-F", "%l"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sizes"
        with path.open("wb") as sizes:
            process = subprocess.Popen(command, stdout=sizes)
        sleep(0.8)  # it does not say when it is subscribed
        with _child("generator", port, points, count, 1_000, 0, Form.few) as generator:
            while not path.stat().st_size and process.poll() is None:
                sleep(0.001)
            began_s = perf_counter()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            process.wait(LONGEST_S)
            seconds = perf_counter() - began_s
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            _result(generator)
        seen = sum(1 for _ in path.open())
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(seen, seen / seconds, used_s / max(seen, 1) * 1e6)


@contextmanager
def _child(
    name: str, *arguments: object, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"{PACKAGE}.{name}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _result(process: "subprocess.Popen[str]", longer_s: float = 0) -> dict[str, Any]:
    printed, _ = process.communicate(timeout=LONGEST_S + longer_s)
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{process.args!r} ended without a result: {process.returncode}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def _taken(result: dict[str, Any]) -> Taken:
    return Taken(result["count"], result["a_second"], result["cpu_us"])
