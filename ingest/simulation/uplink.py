"""How does a simulated tracker send what it measured?

Six points to a message. In a dead zone points are stored; when the van is back, live points go first and the
backlog follows on `his`, five messages a second at most. One message in a hundred is sent twice. A reboot
raises `boot` and starts `seq` again; points and events share one counter. The tracker announces itself when
it wakes and says good-bye when it falls asleep; where it vanished into a dead zone, the broker publishes its
will.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ingest.outbox import Outgoing
from ingest.simulation.day import Day
from ingest.simulation.fleet import Meters, Van
from ingest.simulation.tracker import Samples

POINTS_PER_MESSAGE = 6
BACKLOG_POINTS = 30
BACKLOG_PACE_S = 0.25
DUPLICATE_SHARE = 0.01
REBOOT_S = 25.0  # no samples while the tracker starts
WILL_AFTER_S = 90.0  # one and a half keep-alives of 60 s
FIRMWARE = "1.8.3"

encode = msgspec.json.Encoder(decimal_format="number").encode


class Sent(NamedTuple):
    """What a day's sending left behind."""

    messages: list[Outgoing]
    first_fix_ms: int  # on the day's own clock
    last_fix_ms: int
    boot: int
    seq: int


class Item(NamedTuple):
    """A point or an event with the boot it was taken in.

    `leg` counts the dead zones entered and left so far: odd inside one.
    """

    time_s: float
    boot: int
    leg: int
    is_point: bool
    body: dict[str, Any]


def send(
    van: Van,
    day: Day,
    samples: Samples,
    meters: Meters,
    *,
    tenant: str,
    clock_s: float,
    sample_s: float,
    random: np.random.Generator,
    silent_from_s: float | None = None,
) -> Sent:
    """Turn a day's samples into the messages of one tracker, ordered by the time they are sent.

    `clock_s` is the Unix time at which the day's own clock is zero; from `silent_from_s` on it, nothing is sent.
    """
    zones = _dead_zones(day, random)
    reboot_s = _reboot_s(van, day, random)
    items, boot, seq = _items(van, day, samples, meters, zones, reboot_s, clock_s, random)
    if silent_from_s is not None:
        items = [item for item in items if item.time_s < silent_from_s]
    line = _Line(f"tm/v1/{tenant}/{van.device_id}", van.device_id, clock_s, random)
    line.status("online", day.wake_s, meters.boot)
    if reboot_s is not None:
        line.status("offline", reboot_s + 1.0, meters.boot)
        line.status("online", reboot_s + REBOOT_S, boot)
    line.live([item for item in items if item.leg % 2 == 0])
    for number, (start_s, end_s) in enumerate(zones):
        stored = [item for item in items if item.leg == 2 * number + 1]
        seen_again = next((item.time_s for item in items if item.is_point and item.time_s >= end_s), None)
        if not stored or seen_again is None:  # samples farther apart than the zone is long, or silent ever after
            continue
        # The first live message leaves when it is full.
        live_again_s = seen_again + POINTS_PER_MESSAGE * sample_s + 2.0
        line.dead_zone(stored, start_s, end_s, live_again_s)
    if silent_from_s is None:
        line.status("offline", day.sleep_s + 3.0, boot)
    fixes = [round(item.time_s * 1000) for item in items if item.is_point]
    return Sent(sorted(line.messages, key=lambda message: message.due_us), fixes[0], fixes[-1], boot, seq)


def _dead_zones(day: Day, random: np.random.Generator) -> list[tuple[float, float]]:
    """Place one to three stretches of 3-20 minutes on the way, one in each part of the day."""
    count = int(random.integers(1, 4))
    first_s, last_s = day.exit_s + 600, day.return_s - 1500
    part_s = (last_s - first_s) / count
    zones = []
    for index in range(count):
        length_s = min(float(random.uniform(180, 1200)), part_s * 0.8)
        start_s = first_s + part_s * index + random.uniform(0, part_s - length_s)
        zones.append((start_s, start_s + length_s))
    return zones


def _reboot_s(van: Van, day: Day, random: np.random.Generator) -> float | None:
    """A tracker that reboots does so at lunch, with the engine off, so that no state changes unseen."""
    if not van.reboots:
        return None
    return day.lunch.departed_s - float(random.uniform(300, 900))


def _items(
    van: Van,
    day: Day,
    samples: Samples,
    meters: Meters,
    zones: list[tuple[float, float]],
    reboot_s: float | None,
    clock_s: float,
    random: np.random.Generator,
) -> tuple[list[Item], int, int]:
    """Number points and events in time order; a reboot swallows the samples taken meanwhile."""
    boot, seq = meters.boot, meters.seq
    bodies = [(time_s, True, body) for time_s, body in _points(samples, clock_s)]
    bodies += [(time_s, False, body) for time_s, body in _events(day, samples, clock_s, random)]
    borders_s = [border for zone in zones for border in zone]
    items = []
    for time_s, is_point, body in sorted(bodies, key=lambda entry: (entry[0], not entry[1])):
        if reboot_s is not None and reboot_s <= time_s:
            if time_s < reboot_s + REBOOT_S:
                continue
            if boot == meters.boot:
                boot, seq = boot + 1, 0
        seq += 1
        body["seq"] = seq
        items.append(Item(time_s, boot, bisect_right(borders_s, time_s), is_point, body))
    return items, boot, seq


def _points(samples: Samples, clock_s: float) -> list[tuple[float, dict[str, Any]]]:
    names = ["ts", "seq", "lat", "lon", "spd_kmh", "hdg_deg", "hdop", "sat", "ign", "batt_v"]
    clock_ms = round(clock_s * 1000)
    columns: list[list[Any]] = [
        ((samples.time_ms + clock_ms) / 1000).tolist(),
        [0] * samples.time_ms.size,
        *(column.tolist() for column in samples[1:9]),
    ]
    for name, column in zip(("rpm", "odo_m", "fuel_pct", "fuel_used_l"), samples[9:], strict=True):
        if column is not None:
            names.append(name)
            columns.append(column.tolist())
    rows = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    return list(zip((samples.time_ms / 1000).tolist(), rows, strict=True))


def _events(
    day: Day, samples: Samples, clock_s: float, random: np.random.Generator
) -> list[tuple[float, dict[str, Any]]]:
    changes = day.journey.ignition_changes_ms()
    rows = np.searchsorted(samples.time_ms, changes)
    kinds = ["ignition_on" if on else "ignition_off" for on in samples.ignition[rows]]
    found: list[tuple[int, str, dict[str, Any]]] = [(int(row), kind, {}) for row, kind in zip(rows, kinds, strict=True)]
    fast = np.flatnonzero(samples.speed_kmh > 15)
    for row in random.choice(fast, size=int(random.integers(0, 4)), replace=False):
        force_g = round(float(random.uniform(0.37, 0.55)), 2)
        found.append((int(row), "harsh_brake", {"val": force_g, "unit": "g", "thr": 0.36}))
    events = []
    for row, kind, more in found:
        time_s = int(samples.time_ms[row]) / 1000
        ts = (int(samples.time_ms[row]) + round(clock_s * 1000)) / 1000
        place = {"lat": float(samples.latitude[row]), "lon": float(samples.longitude[row])}
        events.append((time_s, {"ts": ts, "seq": 0, "type": kind, **more, **place}))
    return events


class _Line:
    """The way from one tracker to the broker: batches, dead zones, duplicates."""

    def __init__(self, topic: str, device_id: str, clock_s: float, random: np.random.Generator) -> None:
        self.messages: list[Outgoing] = []
        self._topic, self._device_id, self._clock_s, self._random = topic, device_id, clock_s, random

    def status(self, status: str, time_s: float, boot: int) -> None:
        body = {"v": 1, "st": status, "ts": round(self._clock_s + time_s, 3), "boot": boot}
        if status == "online":
            body["fw"] = FIRMWARE
        self._put("sta", time_s, body, retain=True)

    def live(self, items: list[Item]) -> None:
        """Send what is measured within reach, soon after it is measured."""
        for item in items:
            if not item.is_point:
                self._event(item, item.time_s + float(self._random.uniform(0.2, 1.0)))
        for points in _batches(items, POINTS_PER_MESSAGE):
            self._positions("pos", points, points[-1].time_s + float(self._random.uniform(0.3, 1.8)))

    def dead_zone(self, items: list[Item], start_s: float, end_s: float, live_again_s: float) -> None:
        """Send what was stored in a dead zone, after the first live message, at a steady pace."""
        # A will is written when the tracker connects, so it cannot know the time.
        will = {"v": 1, "st": "offline", "boot": items[0].boot}
        self._put("sta", start_s + WILL_AFTER_S, will, retain=True)
        self.status("online", end_s + 1.0, items[-1].boot)
        due_s = live_again_s
        for points in _batches(items, BACKLOG_POINTS):
            due_s += BACKLOG_PACE_S
            self._positions("his", [_as_backlog(point) for point in points], due_s)
        for item in items:
            if not item.is_point:
                due_s += BACKLOG_PACE_S
                self._event(item, due_s)

    def _event(self, item: Item, due_s: float) -> None:
        self._put("evt", due_s, {"v": 1, "dev": self._device_id, "boot": item.boot, **item.body})

    def _positions(self, kind: str, points: list[Item], due_s: float) -> None:
        head = {
            "v": 1,
            "dev": self._device_id,
            "boot": points[0].boot,
            "sent": round(self._clock_s + due_s, 3),
        }
        self._put(kind, due_s, {**head, "pts": [point.body for point in points]})

    def _put(self, kind: str, due_s: float, body: dict[str, Any], *, retain: bool = False) -> None:
        due_us = round((self._clock_s + due_s) * 1_000_000)
        message = Outgoing(due_us, f"{self._topic}/{kind}", encode(body), retain=retain)
        self.messages.append(message)
        if not retain and self._random.random() < DUPLICATE_SHARE:
            again_us = round(self._random.uniform(0.5, 20.0) * 1_000_000)
            self.messages.append(message._replace(due_us=due_us + again_us))


def _as_backlog(point: Item) -> Item:
    return point._replace(body={**point.body, "his": True})


def _batches(items: list[Item], limit: int) -> Iterator[list[Item]]:
    """Cut points into messages: at most `limit`, of one boot, none reaching across a dead zone."""
    batch: list[Item] = []
    for item in items:
        if not item.is_point:
            continue
        if batch and (len(batch) == limit or (item.boot, item.leg) != (batch[0].boot, batch[0].leg)):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
