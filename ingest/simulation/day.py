"""What does one simulated van do on one day, from clock-in to clock-out?

    depot: load -> stem out -> hand-offs, lunch among them -> stem back, fuel if low -> depot: unload

Times are seconds on the day's own clock, which is zero at eight in the morning, local time. The proportions
are those of the reference day in `docs/domain.md`: about 170 hand-offs in 7 hours, 6 hours of engine, 1.7 of
idling.
"""

from math import cos, pi, sin
from typing import NamedTuple

import numpy as np

from ingest.simulation.city import ROLL_MPS, TURN_MPS, Area, Station, Walker, arterial_way
from ingest.simulation.journey import Journey, JourneyBuilder, Waypoint

MINUTE_S = 60.0
YARD = ((-45.0, 35.0), (15.0, 40.0))  # where vans sleep, and the loading bay; metres from the depot
LEG_MEDIAN_M, LEG_SIGMA, LEG_LIMITS_M = 310.0, 0.8, (60.0, 2500.0)  # between hand-offs, log-normal
DWELL_MEDIAN_S, DWELL_SIGMA, DWELL_LIMITS_S = 60.0, 0.7, (10.0, 720.0)
GROUP_SHARE = 0.06  # of parkings that serve two or three planned stops
TO_KEY_S, FROM_KEY_S = (
    (2.0, 7.0),
    (3.0, 8.0),
)  # standing before the key is turned off, and after it is turned on
CARD_READ_S = 45.0  # from arriving at the pump
PAST_M = 3_200.0  # how far a van that drives past a pump goes on before it turns
PLANNED_CYCLE_S = 150.0  # what a planner allows for one stop, drive included


class FuelStop(NamedTuple):
    """A stop at a pump on the way home, and what is odd about it."""

    station: Station
    filled_share: float = 1.0  # of the room in the tank up to `full_share`
    most_l: float = 1e6  # what the card gives at most
    full_share: float = 0.96  # where the nozzle clicks off
    engine_on: bool = False  # all the time
    is_passed: bool = False  # the van drives past without stopping


class Task(NamedTuple):
    """What a van has to do on a day; decided before it starts."""

    planned_exit_s: float
    late_s: float  # leaves this much after the plan
    area: Area
    hand_off_count: int
    fuel_stops: tuple[FuelStop, ...] = ()
    off_share: float | None = None  # of the hand-offs long enough to turn the key; None: the longer, the more often


class Door(NamedTuple):
    """A planned stop: its place is the door, not the kerb."""

    x_m: float
    y_m: float
    service_s: float
    packages: int


class Stand(NamedTuple):
    """One time the van stood for a purpose."""

    arrived_s: float
    departed_s: float
    x_m: float
    y_m: float
    engine_on: bool  # all the time


class Fuelling(NamedTuple):
    """A fuel stop as it happened; `at_s` is when the card was read."""

    stop: FuelStop
    stand: Stand
    at_s: float


class Day(NamedTuple):
    """A finished day: what happened and what had been planned."""

    journey: Journey
    wake_s: float  # the tracker's first and last sample
    sleep_s: float
    exit_s: float
    return_s: float
    hand_offs: list[Stand]
    lunch: Stand
    fuellings: list[Fuelling]
    doors: list[Door]
    planned_exit_s: float
    planned_return_s: float

    @property
    def fuelling(self) -> Stand | None:
        """The first stop at a pump."""
        return self.fuellings[0].stand if self.fuellings else None


def live_through(task: Task, random: np.random.Generator) -> Day:
    """Let a van do its task."""
    exit_s = task.planned_exit_s + task.late_s
    load_s = random.uniform(22, 34) * MINUTE_S
    van = JourneyBuilder(start_s=exit_s - load_s, x_m=YARD[0][0], y_m=YARD[0][1])
    wake_s = van.now_s
    _load(van, exit_s, random)

    start = (task.area.x_m, task.area.y_m)
    gate_s = van.now_s
    van.drive(
        [Waypoint(0, 0, TURN_MPS), *arterial_way((0, 0), start, random)],
        cruise_mps=random.uniform(13.0, 15.5),
    )
    hand_offs, lunch, doors = _deliver(van, task, random)
    fuellings = _return(van, task.fuel_stops, random)
    return_s = van.now_s
    _unload(van, random)
    sleep_s = van.now_s
    # A plan counts a fixed time for each stop, and rounds to five minutes.
    planned_s = round((len(doors) * PLANNED_CYCLE_S + 70 * MINUTE_S) / 300) * 300
    return Day(
        van.finished(),
        wake_s,
        sleep_s,
        gate_s,
        return_s,
        hand_offs,
        lunch,
        fuellings,
        doors,
        task.planned_exit_s,
        task.planned_exit_s + planned_s,
    )


def _load(van: JourneyBuilder, until_s: float, random: np.random.Generator) -> None:
    van.stand(random.uniform(2, 4) * MINUTE_S, engine_on=False)
    van.stand(random.uniform(1, 3) * MINUTE_S, engine_on=True)
    van.drive([Waypoint(*YARD[1], 0.0)], cruise_mps=4.0)
    van.stand(random.uniform(*TO_KEY_S), engine_on=True)
    queue_s = random.uniform(3, 8) * MINUTE_S
    van.stand(until_s - queue_s - van.now_s, engine_on=False)
    van.stand(queue_s, engine_on=True)


def _deliver(van: JourneyBuilder, task: Task, random: np.random.Generator) -> tuple[list[Stand], Stand, list[Door]]:
    walker = Walker(task.area, van.x_m, van.y_m, random)
    lunch_after = int(task.hand_off_count * random.uniform(0.45, 0.6))
    hand_offs: list[Stand] = []
    doors: list[Door] = []
    lunch: Stand | None = None
    for number in range(task.hand_off_count):
        van.drive(walker.way(_leg_m(random)), cruise_mps=random.uniform(5.6, 9.5))
        here = _doors(van.x_m, van.y_m, random)
        doors.extend(here)
        hand_offs.append(_hand_off(van, sum(door.service_s for door in here), task.off_share, random))
        if number == lunch_after:
            van.drive(walker.way(random.uniform(300, 1200)), cruise_mps=7.5)
            lunch = _lunch(van, random)
    # A few planned stops are never reached; they lie off the way.
    for _ in range(int(random.integers(1, 5))):
        x_m = task.area.x_m + task.area.half_m + random.uniform(600, 900)
        doors.append(Door(x_m, task.area.y_m + random.uniform(-300, 300), 45.0, 1))
    van.drive(walker.way(_leg_m(random)), cruise_mps=7.5)
    assert lunch is not None, "a day has more hand-offs than the one before lunch"
    return hand_offs, lunch, doors


def _leg_m(random: np.random.Generator) -> float:
    return float(np.clip(LEG_MEDIAN_M * random.lognormal(0.0, LEG_SIGMA), *LEG_LIMITS_M))


def _doors(x_m: float, y_m: float, random: np.random.Generator) -> list[Door]:
    count = int(random.integers(2, 4)) if random.random() < GROUP_SHARE else 1
    doors = []
    for _ in range(count):
        away_m, bearing = random.uniform(6, 33), random.uniform(0, 2 * pi)
        dwell_s = float(np.clip(DWELL_MEDIAN_S * random.lognormal(0.0, DWELL_SIGMA), *DWELL_LIMITS_S))
        packages = 1 + int(random.poisson(0.5))
        doors.append(Door(x_m + away_m * sin(bearing), y_m + away_m * cos(bearing), dwell_s, packages))
    return doors


def _hand_off(van: JourneyBuilder, dwell_s: float, off_share: float | None, random: np.random.Generator) -> Stand:
    # The shorter a hand-off, the more often the engine is left running.
    if dwell_s < 22:
        off_share = 0.0
    elif off_share is None:
        off_share = 0.42 if dwell_s < 40 else 0.68 if dwell_s < 120 else 0.9
    engine_on = bool(random.random() >= off_share)
    arrived_s = van.now_s
    if engine_on:
        van.stand(dwell_s, engine_on=True)
    else:
        _stand_with_key_turned(van, dwell_s, random)
    return Stand(arrived_s, van.now_s, van.x_m, van.y_m, engine_on)


def _stand_with_key_turned(van: JourneyBuilder, duration_s: float, random: np.random.Generator) -> None:
    before_s, after_s = random.uniform(*TO_KEY_S), random.uniform(*FROM_KEY_S)
    van.stand(before_s, engine_on=True)
    van.stand(duration_s - before_s - after_s, engine_on=False)
    van.stand(after_s, engine_on=True)


def _lunch(van: JourneyBuilder, random: np.random.Generator) -> Stand:
    arrived_s = van.now_s
    van.stand(random.uniform(1, 5) * MINUTE_S, engine_on=True)
    _stand_with_key_turned(van, random.uniform(24, 30) * MINUTE_S, random)
    return Stand(arrived_s, van.now_s, van.x_m, van.y_m, False)


def _return(van: JourneyBuilder, stops: tuple[FuelStop, ...], random: np.random.Generator) -> list[Fuelling]:
    cruise_mps = random.uniform(13.0, 15.5)
    fuellings: list[Fuelling] = []
    for stop in stops:
        if stop.is_passed:
            return [*fuellings, _drive_past(van, stop, cruise_mps, random)]
        station = stop.station
        way = arterial_way((van.x_m, van.y_m), (station.x_m - 25, station.y_m - 18), random)
        van.drive([*way, Waypoint(station.x_m, station.y_m, 0.0)], cruise_mps=cruise_mps)
        arrived_s = van.now_s
        duration_s = random.uniform(4, 7) * MINUTE_S
        if stop.engine_on:
            van.stand(duration_s, engine_on=True)
        else:
            _stand_with_key_turned(van, duration_s, random)
        stand = Stand(arrived_s, van.now_s, van.x_m, van.y_m, stop.engine_on)
        fuellings.append(Fuelling(stop, stand, arrived_s + CARD_READ_S))
    van.drive(arterial_way((van.x_m, van.y_m), (0.0, 0.0), random), cruise_mps=min(cruise_mps, ROLL_MPS))
    return fuellings


def _drive_past(van: JourneyBuilder, stop: FuelStop, cruise_mps: float, random: np.random.Generator) -> Fuelling:
    """Drive home past a station without a halt, fast enough for minutes before and after."""
    station = stop.station
    pump = (station.x_m, station.y_m)
    beyond_m = station.y_m + (PAST_M if station.y_m > 0 else -PAST_M)
    way = [
        *_without_waits(arterial_way((van.x_m, van.y_m), pump, random)),
        Waypoint(*pump, TURN_MPS),
        Waypoint(station.x_m, beyond_m, TURN_MPS),
        Waypoint(*pump, TURN_MPS),
        *_without_waits(arterial_way(pump, (0.0, 0.0), random)),
    ]
    began_s = van.now_s
    van.drive(way, cruise_mps=cruise_mps)
    journey = van.finished()
    times_ms = np.arange(round(began_s * 1000), round(van.now_s * 1000), 500, dtype=np.int64)
    sight = journey.at(times_ms)
    metres = np.hypot(sight.x_m - station.x_m, sight.y_m - station.y_m)
    at_s = float(times_ms[int(np.flatnonzero(metres < 10.0)[0])]) / 1000
    return Fuelling(stop, Stand(at_s, at_s, *pump, True), at_s)


def _without_waits(way: list[Waypoint]) -> list[Waypoint]:
    return [Waypoint(point.x_m, point.y_m, max(point.speed_mps, TURN_MPS)) for point in way]


def _unload(van: JourneyBuilder, random: np.random.Generator) -> None:
    van.drive([Waypoint(*YARD[1], 0.0)], cruise_mps=4.5)
    van.stand(random.uniform(*TO_KEY_S), engine_on=True)
    van.stand(random.uniform(6, 12) * MINUTE_S, engine_on=False)
    van.stand(random.uniform(1, 3) * MINUTE_S, engine_on=True)
    van.drive([Waypoint(*YARD[0], 0.0)], cruise_mps=4.0)
    van.stand(random.uniform(*TO_KEY_S), engine_on=True)
    van.stand(random.uniform(60, 150), engine_on=False)
