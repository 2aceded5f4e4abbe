"""What does a whole simulated fleet send over some days, and what is true about it?

Every van lives its own day from its own stream of random numbers; plans, purchases and a few fuel faults are
added afterwards. The same arguments give the same bytes.
"""

from collections import Counter
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from ingest.outbox import Outgoing
from ingest.simulation.city import Depot, Station
from ingest.simulation.day import Task, live_through
from ingest.simulation.dimensions import dimension_frames, write_dimensions
from ingest.simulation.faults import with_faults
from ingest.simulation.fleet import (
    FIRST_EXIT_S,
    WAVE_S,
    WAVES,
    Meters,
    Van,
    day_random,
    depot_of,
    depot_stations,
    van_of,
)
from ingest.simulation.paperwork import Fault, Fill, Planned, fuel_messages, plan_messages
from ingest.simulation.tracker import take_samples
from ingest.simulation.truth import DayTruth, write_truth
from ingest.simulation.uplink import send

CLOCK_STARTS = time(8)  # a day's own clock is zero at this local time
HAND_OFFS, HAND_OFFS_SPREAD = 168, 7
LATE_SHARE = 0.12


class Simulation(NamedTuple):
    """A finished simulation: the messages in the order they are sent, and the truth behind them."""

    messages: list[Outgoing]
    days: list[DayTruth]
    faults: list[Fault]
    dimensions: dict[str, pl.DataFrame]
    tenant: str

    def write_truth(self, folder: Path) -> None:
        """Write states, hand-offs, breaks and faults as Parquet files."""
        write_truth(folder, self.days, self.faults, self.tenant)

    def write_dimensions(self, folder: Path) -> None:
        """Write the dimension files that `odograph import` reads."""
        write_dimensions(folder, self.dimensions)

    def summary(self) -> dict[str, int]:
        """Count what was made: van-days, hand-offs, faults and messages of each kind."""
        kinds = Counter(message.topic.rsplit("/", 1)[1] for message in self.messages)
        return {
            "van_days": len(self.days),
            "hand_offs": sum(len(truth.day.hand_offs) for truth in self.days),
            "faults": len(self.faults),
            "messages": len(self.messages),
            **{f"{kind}_messages": kinds[kind] for kind in sorted(kinds)},
        }


def simulate(
    *,
    vans: int = 40,
    days: int = 1,
    seed: int = 7,
    last_date: date | None = None,
    tenant: str = "northwind",
    timezone: str = "America/New_York",
    sample_s: int = 10,
    with_plans: bool = True,
    off_share: float | None = None,
) -> Simulation:
    """Simulate delivery days that end on `last_date` (yesterday, local time, if not given).

    `off_share` is how often a driver switches off at a hand-off long enough for it; if not given, the longer the
    hand-off, the more often.
    """
    if vans < 1 or days < 1 or sample_s < 1:
        raise ValueError(f"vans, days and sample_s: expected at least 1, got {vans}, {days}, {sample_s}")
    zone = ZoneInfo(timezone)
    if last_date is None:
        last_date = datetime.now(zone).date() - timedelta(days=1)
    dates = [last_date - timedelta(days=days - 1 - index) for index in range(days)]
    clocks_s = [datetime.combine(day, CLOCK_STARTS, zone).timestamp() for day in dates]
    stations: dict[Depot, list[Station]] = {}
    for number in range(1, vans + 1):
        depot = depot_of(number)
        stations.setdefault(depot, depot_stations(seed, depot))

    fleet = [van_of(seed, number) for number in range(1, vans + 1)]
    messages: list[Outgoing] = []
    truths: list[DayTruth] = []
    fills: list[Fill] = []
    for van, meters in fleet:
        for day_number, clock_s in enumerate(clocks_s):
            random = day_random(seed, van.number, day_number)
            lived = _live(van, meters, clock_s, stations[van.depot], tenant, sample_s, off_share, random)
            messages += lived.messages
            truths.append(lived.truth)
            fills += lived.fills
            meters = lived.meters
    bought, faults = with_faults(fills, truths, stations, tenant)
    for fill, product in bought:
        messages += fuel_messages(fill, product, tenant=tenant, timezone=timezone)
    if with_plans:
        for service_date, clock_s in zip(dates, clocks_s, strict=True):
            planned = [Planned(truth.van, truth.day, clock_s) for truth in truths if truth.clock_s == clock_s]
            messages += plan_messages(planned, tenant=tenant, service_date=service_date)
    frames = dimension_frames(
        [van for van, _ in fleet], stations, tenant=tenant, timezone=timezone, first_date=dates[0]
    )
    messages.sort(key=lambda message: message.due_us)
    return Simulation(messages, truths, faults, frames, tenant)


class _Lived(NamedTuple):
    """What one day of one van leaves behind."""

    messages: list[Outgoing]
    truth: DayTruth
    fills: list[Fill]
    meters: Meters


def _live(
    van: Van,
    meters: Meters,
    clock_s: float,
    stations: list[Station],
    tenant: str,
    sample_s: float,
    off_share: float | None,
    random: np.random.Generator,
) -> _Lived:
    station = _on_the_way(van, stations) if meters.will_fuel(van) else None
    day = live_through(_task(van, station, random)._replace(off_share=off_share), random)
    samples, tank = take_samples(van, day, meters, sample_s=sample_s, random=random)
    sent = send(van, day, samples, meters, tenant=tenant, clock_s=clock_s, sample_s=sample_s, random=random)
    truth = DayTruth(van, day, clock_s, sent.first_fix_ms, sent.last_fix_ms, meters.odometer_m)
    fills = []
    if station is not None and day.fuelling is not None:
        at_ms = round((day.fuelling.arrived_s + 45.0) * 1000)
        odometer_m = meters.odometer_m + float(day.journey.at(np.array([at_ms])).distance_m[0])
        fills.append(Fill(van, clock_s + at_ms / 1000, station, tank.added_l, odometer_m))
    tomorrow = Meters(
        meters.odometer_m + float(day.journey.at(np.array([day.journey.end_ms])).distance_m[0]),
        float(tank.fuel_l[-1]),
        float(tank.used_l[-1]),
        sent.boot,
        sent.seq,
    )
    return _Lived(sent.messages, truth, fills, tomorrow)


def _task(van: Van, station: Station | None, random: np.random.Generator) -> Task:
    is_late = random.random() < LATE_SHARE
    late_s = float(random.uniform(900, 1800) if is_late else np.clip(random.normal(150, 150), -240, 600))
    return Task(
        planned_exit_s=float(FIRST_EXIT_S + WAVE_S * (van.number % WAVES)),
        late_s=late_s,
        area=van.area,
        hand_off_count=round(random.normal(HAND_OFFS, HAND_OFFS_SPREAD)),
        fuel_station=station,
    )


def _on_the_way(van: Van, stations: list[Station]) -> Station:
    """Return the station with the shortest way from the delivery area over it to the depot."""
    return min(
        stations,
        key=lambda station: (
            abs(station.x_m - van.area.x_m) + abs(station.y_m - van.area.y_m) + abs(station.x_m) + abs(station.y_m)
        ),
    )
