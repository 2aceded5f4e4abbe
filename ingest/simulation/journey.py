"""Where was a simulated van at any instant, how fast, and was its engine on?

A journey is a list of pieces of constant acceleration along one line on the ground, so that position and
speed are exact at every instant and nothing has to be stepped through. `JourneyBuilder` writes one;
`Journey` answers questions about it, for whole arrays of instants at once.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ACCELERATION_MPS2 = 1.6  # a loaded van in town
BRAKING_MPS2 = 1.9
# Driving begins and ends at walking pace: half way between the speeds at which a tracker's reader calls a van
# standing (3 km/h) and moving (5 km/h). It is passed in 0.7 s, so the choice moves little.
WALKING_PACE_MPS = 4.0 / 3.6
OFF, IDLE, DRIVE = "off", "idle", "drive"


class Waypoint(NamedTuple):
    """A point on the way, the greatest speed there, and how long to stand where that speed is 0."""

    x_m: float
    y_m: float
    speed_mps: float
    wait_s: float = 0.0


class Sight(NamedTuple):
    """What is true at some instants; every field has one value for each of them."""

    x_m: Floats
    y_m: Floats
    speed_mps: Floats
    heading_deg: Floats  # clockwise from the y axis
    engine_on: NDArray[np.bool_]
    distance_m: Floats  # driven since the journey began
    engine_on_s: Floats  # seconds with the engine on since the journey began


class Journey(NamedTuple):
    """Pieces of constant acceleration in time order, and the line they follow.

    start_ms (n,) is when a piece begins; end_ms is when the last one ends. vertex_m (v,) is the distance
    along the line at which the point (vertex_x_m, vertex_y_m) lies.
    """

    start_ms: Ints
    end_ms: int
    speed_mps: Floats
    acceleration_mps2: Floats
    engine_on: NDArray[np.bool_]
    distance_m: Floats
    engine_on_s: Floats
    vertex_m: Floats
    vertex_x_m: Floats
    vertex_y_m: Floats

    def at(self, time_ms: Ints) -> Sight:
        """Look at the van at each of these instants, milliseconds on the journey's own clock."""
        piece = np.searchsorted(self.start_ms, time_ms, side="right") - 1
        within_s = (time_ms - self.start_ms[piece]) / 1000.0
        speed = self.speed_mps[piece] + self.acceleration_mps2[piece] * within_s
        driven = (
            self.distance_m[piece] + self.speed_mps[piece] * within_s + self.acceleration_mps2[piece] * within_s**2 / 2
        )
        hop = np.clip(np.searchsorted(self.vertex_m, driven, side="left"), 1, self.vertex_m.size - 1)
        east, north = np.diff(self.vertex_x_m)[hop - 1], np.diff(self.vertex_y_m)[hop - 1]
        return Sight(
            np.interp(driven, self.vertex_m, self.vertex_x_m),
            np.interp(driven, self.vertex_m, self.vertex_y_m),
            np.maximum(speed, 0.0),
            np.degrees(np.arctan2(east, north)) % 360.0,
            self.engine_on[piece],
            driven,
            self.engine_on_s[piece] + within_s * self.engine_on[piece],
        )

    def ignition_changes_ms(self) -> Ints:
        """Return the instants at which the engine was switched on or off."""
        changes: Ints = self.start_ms[1:][np.diff(self.engine_on.astype(np.int8)) != 0]
        return changes

    def states(self) -> list[tuple[int, str]]:
        """Return (start_ms, state) of each maximal stretch of off, idle or drive."""
        stretches: list[tuple[int, str]] = []
        ends_ms = [*self.start_ms[1:].tolist(), self.end_ms]
        for start, end, speed, acceleration, engine_on in zip(
            self.start_ms.tolist(),
            ends_ms,
            self.speed_mps.tolist(),
            self.acceleration_mps2.tolist(),
            self.engine_on.tolist(),
            strict=True,
        ):
            standing = IDLE if engine_on else OFF
            if acceleration > 0 and speed < WALKING_PACE_MPS:
                slow_ms = round((WALKING_PACE_MPS - speed) / acceleration * 1000)
                parts = [(start, standing), (min(start + slow_ms, end), DRIVE)]
            elif acceleration < 0 and speed + acceleration * (end - start) / 1000 < WALKING_PACE_MPS:
                fast_ms = round((speed - WALKING_PACE_MPS) / -acceleration * 1000)
                parts = [(start, DRIVE), (min(start + max(fast_ms, 0), end), standing)]
            else:
                parts = [(start, DRIVE if speed > 0 else standing)]
            for at_ms, state in parts:
                if stretches and stretches[-1][0] == at_ms:  # it lasted less than a millisecond
                    stretches.pop()
                if not stretches or stretches[-1][1] != state:
                    stretches.append((at_ms, state))
        return stretches


class JourneyBuilder:
    """Writes a journey from its beginning: stand a while, drive somewhere, stand again."""

    def __init__(self, *, start_s: float, x_m: float, y_m: float) -> None:
        self.now_s = start_s
        self.x_m, self.y_m = x_m, y_m
        self._driven_m = 0.0
        self._on_s = 0.0
        self._pieces: list[tuple[float, float, float, bool, float, float]] = []
        self._vertices: list[tuple[float, float, float]] = [(0.0, x_m, y_m)]

    @property
    def driven_m(self) -> float:
        return self._driven_m

    @property
    def engine_on_s(self) -> float:
        return self._on_s

    def stand(self, duration_s: float, *, engine_on: bool) -> None:
        """Stay here for a while."""
        self._piece(duration_s, 0.0, 0.0, engine_on)

    def drive(self, waypoints: Sequence[Waypoint], *, cruise_mps: float) -> None:
        """Drive past these points, from standing to standing, as fast as they and the van allow."""
        points = [Waypoint(self.x_m, self.y_m, 0.0), *waypoints[:-1], waypoints[-1]._replace(speed_mps=0.0)]
        hops_m = [hypot(b.x_m - a.x_m, b.y_m - a.y_m) for a, b in pairwise(points)]
        speeds = _reachable_speeds([min(point.speed_mps, cruise_mps) for point in points], hops_m)
        for hop_m, before, after, point in zip(hops_m, speeds[:-1], speeds[1:], points[1:], strict=True):
            if hop_m > 0:
                self._hop(hop_m, before, after, cruise_mps)
                self._vertices.append((self._driven_m, point.x_m, point.y_m))
            if point.wait_s:
                self.stand(point.wait_s, engine_on=True)
        self.x_m, self.y_m = points[-1].x_m, points[-1].y_m

    def finished(self) -> Journey:
        """Return what was written."""
        start_s, speed, acceleration, engine_on, driven, on_s = map(np.array, zip(*self._pieces, strict=True))
        vertex_m, x, y = map(np.array, zip(*self._vertices, strict=True))
        start_ms = np.rint(start_s * 1000).astype(np.int64)
        end_ms = round(self.now_s * 1000)
        return Journey(start_ms, end_ms, speed, acceleration, engine_on, driven, on_s, vertex_m, x, y)

    def _hop(self, hop_m: float, before_mps: float, after_mps: float, cruise_mps: float) -> None:
        a, b = ACCELERATION_MPS2, BRAKING_MPS2
        # The speed at which accelerating and then braking fill the hop exactly.
        peak = sqrt((2 * a * b * hop_m + b * before_mps**2 + a * after_mps**2) / (a + b))
        peak = max(min(peak, cruise_mps), before_mps, after_mps)
        end_m = self._driven_m + hop_m
        self._piece((peak - before_mps) / a, before_mps, a, True)
        braking_m = (peak**2 - after_mps**2) / (2 * b)
        self._piece(max(end_m - braking_m - self._driven_m, 0.0) / peak, peak, 0.0, True)
        self._piece((peak - after_mps) / b, peak, -b, True)
        self._driven_m = end_m

    def _piece(self, duration_s: float, speed_mps: float, acceleration_mps2: float, engine_on: bool) -> None:
        # Times are whole milliseconds: a tracker that samples at one sees what the journey says of it.
        start_s, end_s = round(self.now_s, 3), round(self.now_s + duration_s, 3)
        if end_s > start_s:
            piece = (start_s, speed_mps, acceleration_mps2, engine_on, self._driven_m, self._on_s)
            self._pieces.append(piece)
            self._on_s += (end_s - start_s) * engine_on
        self._driven_m += speed_mps * duration_s + acceleration_mps2 * duration_s**2 / 2
        self.now_s += duration_s


def _reachable_speeds(speeds_mps: list[float], hops_m: list[float]) -> list[float]:
    """Lower the speeds at points so that a van can brake and accelerate between them."""
    reachable = list(speeds_mps)
    for index in reversed(range(len(hops_m))):
        limit = sqrt(reachable[index + 1] ** 2 + 2 * BRAKING_MPS2 * hops_m[index])
        reachable[index] = min(reachable[index], limit)
    for index, hop_m in enumerate(hops_m):
        limit = sqrt(reachable[index] ** 2 + 2 * ACCELERATION_MPS2 * hop_m)
        reachable[index + 1] = min(reachable[index + 1], limit)
    return reachable
