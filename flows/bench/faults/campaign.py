"""Does the line lose or repeat anything when its processes are killed at random? A campaign that counts.

    publishers with outboxes -> mosquitto -> collector -> spool -> refresh -> lake -> published copy

All parts are real processes. One loop on this process's main thread injects faults from a seeded plan and starts again
what it ended. Afterwards every id that was published is looked for in the published copy (P1: none lost, P2: none
twice), and the marts are compared with those of an undisturbed line that was handed the same messages.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import duckdb
import polars as pl

from flows.bench.faults.line import Line, parts
from flows.bench.faults.traffic import Traffic
from flows.querying import open_published
from flows.refresh import refresh
from flows.settings import Settings
from ingest.broker import MosquittoChild
from ingest.spool import Message, Spool

TICK_S = 0.01
# Seconds from the end of one fault of a kind to the next, uniform between the two.
PAUSES_S = {
    "collector killed": (0.1, 4.0),
    "broker killed": (1.0, 6.0),
    "refresh killed": (0.3, 8.0),
    "collector frozen": (15.0, 45.0),
    "collector's disk full": (15.0, 45.0),
    "session taken over": (10.0, 30.0),
    "broker restarted": (20.0, 60.0),
}
LASTS_S = (0.5, 3.0)  # of faults that have an end
KILLS = ("collector killed", "broker killed", "refresh killed")
COMPARED = ("vehicle_days", "idle_events", "stops", "idle_by_definition", "fleet_days", "fuel_purchases")
ARRIVAL = ("revision", "received_utc", "segment")


class Counted(NamedTuple):
    """What became of what was published; `redelivered` came again and counts once (None: not counted)."""

    published: int
    arrived: int
    lost: int
    twice: int
    redelivered: int | None


class Campaign(NamedTuple):
    """The outcome of a campaign."""

    faults: dict[str, int]
    points: Counted
    purchases: Counted
    unconfirmed: int  # messages without a receipt at the end
    resent: int
    refreshes: int  # that ended by themselves, well
    collector_exits: int  # that nobody had asked for
    tables_differ: list[str]  # marts that are not those of the undisturbed line
    seconds: float
    last_words: list[str]  # ends of the logs

    @property
    def kills(self) -> int:
        return sum(self.faults.get(name, 0) for name in KILLS)

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, everything confirmed, equal tables."""
        counted = (self.points, self.purchases)
        return not (any(found.lost or found.twice for found in counted) or self.unconfirmed or self.tables_differ)


class Plan(NamedTuple):
    """How long, how hard, and beside whom: it ends after `minutes`, or sooner after `kills`."""

    minutes: float
    kills: int | None
    seed: int
    messages_per_s: float
    collectors: int = 1
    shared_group: str | None = None


def run_campaign(folder: Path, plan: Plan, tell: Callable[[float], None]) -> Campaign:
    """Publish and inject faults, then count. `tell` hears which share is done."""
    folder.mkdir(parents=True, exist_ok=True)
    started_s = monotonic()
    faults: Counter[str] = Counter()
    chance = random.Random(plan.seed)
    with MosquittoChild(folder / "broker") as broker:
        traffic = Traffic(broker.url, plan.messages_per_s, folder / "sent.tsv")
        line = Line(folder, broker, chance, parts(plan.collectors, plan.shared_group))
        try:
            traffic.start()
            for fault in _befallen(line, chance, started_s + 60 * plan.minutes):
                faults[fault] += 1
                done = sum(faults[name] for name in KILLS)
                tell(max((monotonic() - started_s) / (60 * plan.minutes), done / plan.kills if plan.kills else 0))
                if traffic.failure is not None:
                    raise traffic.failure
                if plan.kills and done >= plan.kills:
                    break
            unconfirmed = traffic.stop(meanwhile=line.keep_collecting)
        finally:
            line.stop()
    settings = _settings_in(folder / "data")
    refresh(settings)
    points, purchases = _counted(settings, traffic)
    differing = _differing(settings, _undisturbed(folder))
    return Campaign(
        faults=dict(faults),
        points=points,
        purchases=purchases,
        unconfirmed=unconfirmed,
        resent=traffic.resent,
        refreshes=line.refreshes,
        collector_exits=line.collector_exits,
        tables_differ=differing,
        seconds=monotonic() - started_s,
        last_words=line.last_words(),
    )


def _befallen(line: Line, chance: random.Random, until_s: float) -> Iterator[str]:
    """Let faults happen until the end of the campaign; at the end every fault is over."""
    due = [(monotonic() + chance.uniform(*pause_s), fault) for fault, pause_s in PAUSES_S.items()]
    ends: list[tuple[float, int, Callable[[], None]]] = []
    numbers = count()
    heapq.heapify(due)
    try:
        while monotonic() < until_s:
            while ends and ends[0][0] <= monotonic():
                heapq.heappop(ends)[2]()
            if due[0][0] <= monotonic():
                _, fault = heapq.heappop(due)
                end = line.befall(fault)
                lasts_s = chance.uniform(*LASTS_S) if end else 0.0
                if end:
                    heapq.heappush(ends, (monotonic() + lasts_s, next(numbers), end))
                heapq.heappush(due, (monotonic() + lasts_s + chance.uniform(*PAUSES_S[fault]), fault))
                yield fault
            line.keep_going()
            sleep(TICK_S)
    finally:
        for _, _, end in ends:
            end()
        line.keep_going()


def _counted(settings: Settings, traffic: Traffic) -> tuple[Counted, Counted]:
    with open_published(settings.published_path) as published:
        rows, ids = _row(published, "select count(*), count(distinct (device_id, seq)) from lake.positions")
        (repeats,) = _row(published, "select coalesce(sum(duplicate_count), 0)::bigint from core.vehicle_dates")
        bought, bought_ids = _row(published, "select count(*), count(distinct provider_txn_id) from lake.purchases")
    points = sum(traffic.seqs.values())
    return (
        Counted(points, ids, points - ids, rows - ids, repeats),
        Counted(traffic.purchases, bought_ids, traffic.purchases - bought_ids, bought - bought_ids, None),
    )


def _row(published: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row: tuple[int, ...] = published.execute(query).fetchall()[0]
    return row


def _undisturbed(folder: Path) -> Settings:
    """Hand the same messages to a line to which nothing happens."""
    settings = _settings_in(folder / "undisturbed")
    received_us = int(datetime.now(UTC).timestamp() * 1e6)
    with Spool.open(settings.spool_dir / "main") as spool, (folder / "sent.tsv").open("rb") as lines:
        batch: list[Message] = []
        for line in lines:
            topic, payload = line.rstrip(b"\n").split(b"\t", 1)
            batch.append(Message(topic.decode(), payload, received_us, 1, False, None))
            if len(batch) == 1000:
                spool.append(batch)
                batch = []
        spool.append(batch)
    refresh(settings)
    return settings


def _settings_in(folder: Path) -> Settings:
    """The defaults, whatever lake the caller's environment names."""
    return Settings(_env_file=None, data_dir=folder, lake_url=None)  # type: ignore[call-arg]


def _differing(settings: Settings, undisturbed: Settings) -> list[str]:
    return [name for name in COMPARED if not _mart(settings, name).equals(_mart(undisturbed, name))]


def _mart(settings: Settings, name: str) -> pl.DataFrame:
    with open_published(settings.published_path) as published:
        columns = f"columns(lambda name: name not in {ARRIVAL})"
        rows: pl.DataFrame = published.sql(f"select {columns} from marts.{name} order by all").pl()
        return rows
