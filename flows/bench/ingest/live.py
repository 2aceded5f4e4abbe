"""Does the line keep up with a network that never stops, on this machine, and what does it use?

A generator publishes at a fixed rate through mosquitto to our collector, on disk before each acknowledgement, receipts
and all. Every 40 milliseconds one more message says when it was sent: how long it took to the disk, and until its
acknowledgement was handed to the socket. Everything sent must be there at the end.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

from flows.bench.figures import Figure, Section
from flows.bench.ingest.runs import Plan, consuming, cpu_s, publish, resident_mib
from flows.bench.ingest.traffic import Form
from ingest.broker import MosquittoChild, find_mosquitto

VANS = 20_000
LOOK_S = 0.5


def live(plan: Plan) -> Section:
    """Publish at a rate for some minutes."""
    form = Form.packed if plan.is_packed else Form.few
    title = (
        f"Live: {plan.rate:,} points/s, {plan.points} a message{', packed' * plan.is_packed}, {plan.minutes:g} minutes"
    )
    if find_mosquitto() is None:
        return Section(title, [], ["mosquitto is not installed."])
    messages_a_second = max(1, plan.rate // plan.points)
    count = round(messages_a_second * 60 * plan.minutes)
    with (
        TemporaryDirectory(prefix="odograph-live-") as folder,
        MosquittoChild(Path(folder)) as broker,
        consuming("durable", broker.port, 10**12) as collector,
        ThreadPoolExecutor(1) as beside,
    ):
        broker_s, collector_s = cpu_s(broker.pid), cpu_s(collector.pid)
        publishing = beside.submit(
            publish, broker.port, plan.points, count, vans=VANS, rate=messages_a_second, form=form
        )
        memory_mib = []
        while not publishing.done():
            sleep(LOOK_S)
            memory_mib.append(resident_mib(collector.pid))
        sent = publishing.result()
        broker_s, collector_s = cpu_s(broker.pid) - broker_s, cpu_s(collector.pid) - collector_s
        printed, _ = collector.communicate(timeout=30)
    seconds = sent["seconds"]  # before it, messages were made
    memory_mib = memory_mib[-max(2, round(seconds / LOOK_S)) :]
    took = json.loads(printed.splitlines()[-1])
    return Section(
        title,
        [
            Figure(
                "broker and collector, cores in all", (broker_s + collector_s) / seconds, "cores", goal=0.5, most=True
            ),
            Figure("broker", broker_s / seconds, "cores"),
            Figure("collector", collector_s / seconds, "cores"),
            Figure("load generator, not counted", sent["cpu_s"] / sent["seconds"], "cores"),
            Figure("rate reached", sent["sent"] / sent["seconds"] * plan.points, "points/s"),
            Figure("publish to disk, p50", _percentile(took["to_disk_ms"], 0.5), "ms"),
            Figure("publish to disk, p99", _percentile(took["to_disk_ms"], 0.99), "ms"),
            Figure(
                "publish to acknowledgement, p99", _percentile(took["to_answer_ms"], 0.99), "ms", goal=50, most=True
            ),
            Figure("messages lost", max(sent["sent"] - took["count"], 0), "messages", goal=0, most=True),
            Figure("receipts published", took["receipts"], "receipts"),
            _flatness(memory_mib),
        ],
    )


def _flatness(memory_mib: list[float]) -> Figure:
    """The most memory of each half: within one it goes up and down with the segments that are being sealed."""
    half = max(1, len(memory_mib) // 2)
    early, late = max(memory_mib[:half]), max(memory_mib[half:], default=0.0)
    return Figure("most memory of the collector, second half", late, "MiB", "first half", late / early, 1.2, True)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
