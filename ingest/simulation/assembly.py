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
from ingest.simulation.day import FuelStop, Task, live_through
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
from ingest.simulation.fuel_cases.agenda import Errand
from ingest.simulation.fuel_cases.fleet import FuelCases, case_stations, silence_s
from ingest.simulation.fuel_cases.habits import habits_of
from ingest.simulation.paperwork import Fault, Fill, Planned, fuel_messages, plan_messages
from ingest.simulation.tracker import take_samples
from ingest.simulation.truth import DayTruth, write_truth
from ingest.simulation.uplink import send

CLOCK_STARTS = time(8)  # a day's own clock is zero at this local time
HAND_OFFS, HAND_OFFS_SPREAD, SHORT_SHARE = 168, 7, 0.65
LATE_SHARE = 0.12


class Simulation(NamedTuple):
    """A finished simulation: the messages in the order they are sent, and the truth behind them."""

    messages: list[Outgoing]
    days: list[DayTruth]
    faults: list[Fault]
    dimensions: dict[str, pl.DataFrame]
    tenant: str
    consequences: list[Fault]
    decoys: list[Fault]

    def write_truth(self, folder: Path) -> None:
        """Write states, hand-offs, breaks, faults and what looks like them as Parquet files."""
        write_truth(folder, self.days, self.faults, self.tenant, consequences=self.consequences, decoys=self.decoys)

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
    fuel_cases: bool = False,
) -> Simulation:
    """Simulate delivery days that end on `last_date` (yesterday, local time, if not given).

    `off_share` is how often a driver switches off at a hand-off long enough for it; if not given, the longer the
    hand-off, the more often. `fuel_cases` takes everything that can go wrong with a fuel card, and much that only
    looks so, in place of three faults; then most vans rest one day in seven.
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
    cases = FuelCases(seed, tenant, timezone) if fuel_cases else None
    if cases is not None:
        stations = {depot: case_stations(there) for depot, there in stations.items()}
    messages: list[Outgoing] = []
    truths: list[DayTruth] = []
    planned: dict[float, list[Planned]] = {clock_s: [] for clock_s in clocks_s}
    fills: list[Fill] = []
    for van, meters in fleet:
        there = stations[van.depot]
        nearest = _on_the_way(van, there)
        for day_number, clock_s in enumerate(clocks_s):
            if cases is None:
                errand = Errand("", (FuelStop(nearest),) if meters.will_fuel(van) else ())
            else:
                found = cases.morning(van, meters, day_number, clock_s, there, nearest)
                if found is None:
                    continue
                errand = found
            random = day_random(seed, van.number, day_number)
            lived = _live(van, meters, clock_s, errand, tenant, sample_s, off_share, random)
            planned[clock_s].append(Planned(van, lived.truth.day, clock_s))
            if not errand.is_silent:
                messages += lived.messages
                truths.append(lived.truth)
            if cases is not None:
                cases.evening(lived.truth, errand, day_number, lived.fills, there)
            fills += lived.fills
            meters = lived.meters
    consequences: list[Fault] = []
    decoys: list[Fault] = []
    if cases is None:
        bought, faults = with_faults(fills, truths, stations, tenant)
        for fill, product in bought:
            messages += fuel_messages(fill, product, tenant=tenant, timezone=timezone)
    else:
        papers = cases.write()
        faults, consequences, decoys = papers.faults, papers.consequences, papers.decoys
        messages += papers.messages
    if with_plans:
        for service_date, clock_s in zip(dates, clocks_s, strict=True):
            messages += plan_messages(planned[clock_s], tenant=tenant, service_date=service_date)
    frames = dimension_frames(
        [van for van, _ in fleet],
        stations,
        tenant=tenant,
        timezone=timezone,
        first_date=dates[0],
        sample_s=sample_s,
        last_date=dates[-1],
        options=None if cases is None else {van.vehicle_id: habits_of(van).option for van, _ in fleet},
    )
    messages.sort(key=lambda message: message.due_us)
    return Simulation(messages, truths, faults, frames, tenant, consequences, decoys)


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
    errand: Errand,
    tenant: str,
    sample_s: float,
    off_share: float | None,
    random: np.random.Generator,
) -> _Lived:
    day = live_through(_task(van, errand, random)._replace(off_share=off_share), random)
    samples, tank = take_samples(van, day, meters, sample_s=sample_s, random=random)
    silent_from_s = silence_s(errand, day.fuelling.arrived_s) if day.fuelling is not None else None
    sent = send(
        van,
        day,
        samples,
        meters,
        tenant=tenant,
        clock_s=clock_s,
        sample_s=sample_s,
        random=random,
        silent_from_s=silent_from_s,
    )
    truth = DayTruth(van, day, clock_s, sent.first_fix_ms, sent.last_fix_ms, meters.odometer_m)
    fills = []
    for fuelling, before_l, added_l in zip(day.fuellings, tank.before_l, tank.added_l, strict=True):
        at_ms = round(fuelling.at_s * 1000)
        odometer_m = meters.odometer_m + float(day.journey.at(np.array([at_ms])).distance_m[0])
        station = fuelling.stop.station
        fills.append(Fill(van, clock_s + at_ms / 1000, station, added_l, odometer_m, before_l))
    tomorrow = Meters(
        meters.odometer_m + float(day.journey.at(np.array([day.journey.end_ms])).distance_m[0]),
        float(tank.fuel_l[-1]),
        float(tank.used_l[-1]),
        sent.boot,
        sent.seq,
    )
    return _Lived(sent.messages, truth, fills, tomorrow)


def _task(van: Van, errand: Errand, random: np.random.Generator) -> Task:
    is_late = random.random() < LATE_SHARE
    late_s = float(random.uniform(900, 1800) if is_late else np.clip(random.normal(150, 150), -240, 600))
    return Task(
        planned_exit_s=float(FIRST_EXIT_S + WAVE_S * (van.number % WAVES)),
        late_s=late_s,
        area=van.area,
        hand_off_count=round(random.normal(HAND_OFFS, HAND_OFFS_SPREAD) * (SHORT_SHARE if errand.is_short else 1.0)),
        fuel_stops=errand.stops,
    )


def _on_the_way(van: Van, stations: list[Station]) -> Station:
    """Return the station with the shortest way from the delivery area over it to the depot."""
    return min(
        stations,
        key=lambda station: (
            abs(station.x_m - van.area.x_m) + abs(station.y_m - van.area.y_m) + abs(station.x_m) + abs(station.y_m)
        ),
    )
