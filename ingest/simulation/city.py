"""What do the invented streets look like around a depot, and how does a van find its way on them?

A city is a grid: streets run east-west every 90 m, avenues north-south every 180 m, every sixth street and
third avenue is an arterial with lights. The depot is at the origin; the grid is turned a little so that
nothing lines up with the degrees. Nothing here is a real street, door or person.
"""

from math import cos, radians, sin
from typing import NamedTuple

import numpy as np

from ingest.simulation.journey import Floats, Waypoint

AVENUE_M, STREET_M, ARTERIAL_M = 180.0, 90.0, 540.0
TURN_DEG = 27.0
EARTH_RADIUS_M = 6_371_008.8
TURN_MPS, ROLL_MPS = 4.5, 20.0  # speed round a corner; "no limit of its own"
LIGHT_SHARE, LIGHT_MEAN_S = 0.30, 24.0  # how often an arterial light is red for us, and for how long
WAIT_SHARE, WAIT_MEAN_S = 0.035, 20.0  # the same for any other crossing: queues, bin lorries, school children
EAST, NORTH, WEST, SOUTH = range(4)
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


class Depot(NamedTuple):
    """Where vans live; the origin of its city."""

    depot_id: str
    latitude: float
    longitude: float
    radius_m: float = 150.0


class Station(NamedTuple):
    """A fuel station at an arterial crossing of one depot's city."""

    station_id: str
    name: str
    x_m: float  # the pump
    y_m: float
    state: str = "NJ"


class Area(NamedTuple):
    """The square a van delivers in."""

    x_m: float
    y_m: float
    half_m: float


def degrees(depot: Depot, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Turn metres of a depot's grid into WGS 84 latitude and longitude."""
    turn = radians(TURN_DEG)
    east, north = x_m * cos(turn) - y_m * sin(turn), x_m * sin(turn) + y_m * cos(turn)
    latitude = depot.latitude + np.degrees(north / EARTH_RADIUS_M)
    longitude = depot.longitude + np.degrees(east / (EARTH_RADIUS_M * cos(radians(depot.latitude))))
    return latitude, longitude


def place(depot: Depot, x_m: float, y_m: float) -> tuple[float, float]:
    """Return the latitude and longitude of one point, to 0.1 m."""
    latitude, longitude = degrees(depot, np.array(x_m), np.array(y_m))
    return round(float(latitude), 6), round(float(longitude), 6)


def stations_of(depot: Depot, seed: np.random.Generator) -> list[Station]:
    """Place six fuel stations on arterials 1 to 5 km from the depot."""
    stations = []
    for number in range(1, 7):
        across, along = seed.integers(2, 8), seed.integers(1, 6)
        x_m = float(across * ARTERIAL_M * seed.choice((-1, 1)) + 25)
        y_m = float(along * ARTERIAL_M * seed.choice((-1, 1)) + 18)
        station_id = f"S-{depot.depot_id.upper()}-{number}"
        stations.append(Station(station_id, f"Crossroads Fuel {depot.depot_id.upper()} {number}", x_m, y_m))
    return stations


def arterial_way(start: tuple[float, float], end: tuple[float, float], random: np.random.Generator) -> list[Waypoint]:
    """Return the way along arterials between two points of the grid: one leg each way, with lights."""
    (x, y), (end_x, end_y) = start, end
    way: list[Waypoint] = []
    for target, sideways in ((end_x, False), (end_y, True)):
        here = y if sideways else x
        step = ARTERIAL_M if target > here else -ARTERIAL_M
        crossing = np.floor(here / ARTERIAL_M) * ARTERIAL_M if step < 0 else np.ceil(here / ARTERIAL_M) * ARTERIAL_M
        for at in np.arange(crossing, target, step):
            if abs(at - here) > 30 and abs(target - at) > 30:
                spot = (x, float(at)) if sideways else (float(at), y)
                way.append(_crossing(spot, ROLL_MPS, random, LIGHT_SHARE, LIGHT_MEAN_S))
        if sideways:
            y = target
        else:
            x = target
        if target != here:
            way.append(Waypoint(x, y, TURN_MPS))
    return way


class Walker:
    """A van on residential streets: takes a turn now and then and stays in its area."""

    def __init__(self, area: Area, x_m: float, y_m: float, random: np.random.Generator) -> None:
        self.x_m, self.y_m = x_m, y_m
        self._area, self._random = area, random
        self._heading = int(random.integers(4))

    def way(self, length_m: float) -> list[Waypoint]:
        """Go on for this many metres and return the crossings passed and the place reached."""
        way: list[Waypoint] = []
        while True:
            to_crossing = self._to_crossing_m()
            self._advance(min(length_m, to_crossing))
            if length_m <= to_crossing:
                return [*way, Waypoint(self.x_m, self.y_m, 0.0)]
            length_m -= to_crossing
            before = self._heading
            self._heading = self._choose()
            speed = ROLL_MPS if self._heading == before else TURN_MPS
            way.append(_crossing((self.x_m, self.y_m), speed, self._random, WAIT_SHARE, WAIT_MEAN_S))

    def _to_crossing_m(self) -> float:
        spacing = AVENUE_M if self._heading in (EAST, WEST) else STREET_M
        here = self.x_m if self._heading in (EAST, WEST) else self.y_m
        # A van that stands on a crossing goes to the next one.
        forward = spacing - here % spacing
        backward = here % spacing or spacing
        return forward if self._heading in (EAST, NORTH) else backward

    def _advance(self, length_m: float) -> None:
        step_x, step_y = STEPS[self._heading]
        self.x_m = _on_grid(self.x_m + step_x * length_m)
        self.y_m = _on_grid(self.y_m + step_y * length_m)

    def _choose(self) -> int:
        choices = [self._heading, (self._heading + 1) % 4, (self._heading + 3) % 4]
        weights = [0.6, 0.2, 0.2]
        for index, heading in enumerate(choices):
            step_x, step_y = STEPS[heading]
            outward = step_x * (self.x_m - self._area.x_m) + step_y * (self.y_m - self._area.y_m)
            if outward > self._area.half_m:
                weights[index] = 0.001
        # As `choice` with probabilities does, which takes ten times as long for three.
        drawn = self._random.random() * sum(weights)
        return choices[0] if drawn < weights[0] else choices[1] if drawn < weights[0] + weights[1] else choices[2]


def _crossing(
    spot: tuple[float, float], speed_mps: float, random: np.random.Generator, share: float, mean_s: float
) -> Waypoint:
    if random.random() >= share:
        return Waypoint(*spot, speed_mps)
    wait_s = float(np.clip(random.exponential(mean_s) + 5.0, 5.0, 90.0))
    return Waypoint(*spot, 0.0, wait_s)


def _on_grid(value_m: float) -> float:
    """Undo the rounding error of many small steps."""
    return round(value_m, 3)
