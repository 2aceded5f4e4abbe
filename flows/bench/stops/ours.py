"""What do the kernels of the line say about labelled traces?

As in `flows.measuring`: fixes are judged, speeds derived from them, intervals classified, park episodes found; a point
is parked where its interval is within an episode. Points of unknown intervals outside of episodes count as driven.

Three answers: with the thresholds we ship; with thresholds tuned to these traces; and the same with walks taken for
what they are. The receiver here is in the hand of a person who walks round the parked van faster than a parked van
moves, so the third says that a stretch between two episodes is driven only if somewhere it was as fast as
`drive_kmh`, which no one walks. A tracker that is wired to a van needs no such rule.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.bench.stops.methods import AS_IT_IS, Method
from flows.bench.stops.traces import Flags, Traces
from flows.measuring.by_row import MAX_KMH, MERGE_S, WAIT_S, WIRING_KMH, WIRING_S
from flows.settings import Settings as LineSettings
from kernels.geometry import EARTH_RADIUS_M, metres_between
from kernels.places import good_places
from kernels.runs import runs
from kernels.speeds import known_speeds
from kernels.states import StateRules, States, classify
from kernels.stops import StopRules, park_episodes
from kernels.track import Limits, Track

E7_PER_M = float(np.degrees(1 / EARTH_RADIUS_M) * 1e7)  # at the equator, where traces are put: there x is longitude


class Thresholds(NamedTuple):
    """As in the settings of the line; two more are for receivers in a hand.

    drive_kmh   what no one walks; 0 leaves walks as they are
    hop_speeds  1: the speed of a point is that of the hop to the next, as peers take it; 0: as the line derives it
    """

    stop_kmh: float
    move_kmh: float
    stop_min_s: float
    stop_radius_m: float
    merge_s: float
    drive_kmh: float
    hop_speeds: int


TUNED = (
    (3.0, 4.0, 5.0, 6.0, 7.0, 9.0),  # stop_kmh
    (0.0, 2.0),  # move_kmh above stop_kmh
    (5.0, 10.0, 20.0),  # stop_min_s
    (25.0, 35.0, 50.0),  # stop_radius_m
    (20.0, 45.0, 60.0),  # merge_s
    (0, 1),  # hop_speeds
)
DRIVE_KMH = (10.0, 12.0, 14.0)


def our_methods(traces: Traces) -> list[Method]:
    """Return our answers: as shipped, tuned, and tuned with walks told from drives."""
    shipped = LineSettings.model_construct()  # defaults, whatever the environment says
    as_shipped = Thresholds(
        shipped.stop_kmh,
        shipped.move_kmh,
        shipped.stop_min_s,
        shipped.stop_radius_m,
        MERGE_S,
        drive_kmh=0.0,
        hop_speeds=0,
    )
    episodes = [
        Thresholds(stop_kmh, stop_kmh + above_kmh, min_s, radius_m, merge_s, 0.0, hop_speeds)
        for stop_kmh, above_kmh, min_s, radius_m, merge_s, hop_speeds in product(*TUNED)
    ]
    walks = [one._replace(drive_kmh=drive_kmh) for one in episodes for drive_kmh in DRIVE_KMH]
    answers = _Answers(traces)
    return [
        Method("Odograph, as shipped", [as_shipped], answers.is_parked, [AS_IT_IS]),
        Method("Odograph, tuned", episodes, answers.is_parked),
        Method("Odograph, tuned, walks are no drives", walks, answers.is_parked),
    ]


class _Answers:
    """Answers for one set of traces; what thresholds share is worked out once."""

    def __init__(self, traces: Traces) -> None:
        size, trace_count = traces.time_us.size, traces.starts.size - 1
        self.sent = Track(
            starts=traces.starts,
            time_us=traces.time_us,
            latitude_e7=np.round(traces.y_m * E7_PER_M).astype(np.int32),
            longitude_e7=np.round(traces.x_m * E7_PER_M).astype(np.int32),
            placed=np.ones(size, np.bool_),
            speed_kmh=np.full(size, np.nan, np.float32),
            engine=np.full(size, -1, np.int8),
            odometer_m=np.full(size, np.nan),
        )
        gap_max_us = int(LineSettings.model_construct().gap_max_s * 1e6)
        self.limits = Limits(
            np.full(trace_count, gap_max_us, np.int64),
            np.zeros(trace_count, np.float32),
            np.zeros(trace_count, np.bool_),
        )
        self.track = cache(self._track)
        self.states = cache(self._states)
        self.within_episodes = cache(self._within_episodes)

    def is_parked(self, thresholds: Thresholds) -> Flags:
        is_parked: Flags = self.within_episodes(thresholds._replace(drive_kmh=0.0))
        track = self.track(thresholds.hop_speeds)
        return _without_walks(track, is_parked, thresholds.drive_kmh) if thresholds.drive_kmh else is_parked

    def _track(self, hop_speeds: int) -> Track:
        track = self.sent._replace(placed=good_places(self.sent, max_kmh=MAX_KMH).placed)
        if hop_speeds:
            track = track._replace(speed_kmh=_hop_kmh(track))
        return track._replace(speed_kmh=known_speeds(track, self.limits))

    def _states(self, stop_kmh: float, move_kmh: float, hop_speeds: int) -> States:
        limits = self.limits._replace(stop_kmh=np.full_like(self.limits.stop_kmh, stop_kmh))
        tow_m = LineSettings.model_construct().tow_m  # no engine is off here
        return classify(self.track(hop_speeds), limits, StateRules(move_kmh, tow_m, WIRING_KMH, WIRING_S * 1_000_000))

    def _within_episodes(self, thresholds: Thresholds) -> Flags:
        track = self.track(thresholds.hop_speeds)
        states = self.states(thresholds.stop_kmh, thresholds.move_kmh, thresholds.hop_speeds)
        rules = StopRules(
            int(thresholds.stop_min_s * 1e6),
            thresholds.stop_radius_m,
            int(thresholds.merge_s * 1e6),
            settle_us=WAIT_S * 1_000_000,
        )
        stops = park_episodes(track, states, rules)
        depth: NDArray[np.int64] = np.zeros(track.time_us.size + 1, np.int64)
        np.add.at(depth, stops.first_row, 1)
        np.add.at(depth, stops.end_row, -1)
        return _last_like_the_one_before(track, np.cumsum(depth[:-1]) > 0)


def _hop_kmh(track: Track) -> NDArray[np.float32]:
    """The speed of the hop to the next point; for the last point of a trace that of the hop before."""
    metres = metres_between(
        track.latitude_e7[:-1], track.longitude_e7[:-1], track.latitude_e7[1:], track.longitude_e7[1:]
    )
    speed_kmh = np.full(track.time_us.size, np.nan, np.float32)
    speed_kmh[:-1] = metres * 3.6e6 / np.diff(track.time_us)
    return _last_like_the_one_before(track, speed_kmh)


def _without_walks(track: Track, is_parked: Flags, drive_kmh: float) -> Flags:
    """Take the stretches outside of episodes that nowhere are as fast as `drive_kmh` for parked, too."""
    found = runs(track.starts, is_parked.astype(np.int8))
    if not found.first_row.size:
        return is_parked
    top_kmh = np.fmax.reduceat(track.speed_kmh, found.first_row)
    is_walk = ~is_parked[found.first_row] & ~(top_kmh >= drive_kmh)
    walked = np.repeat(is_walk, np.diff(np.append(found.first_row, track.time_us.size)))
    return is_parked | walked


def _last_like_the_one_before(track: Track, values: NDArray[Any]) -> NDArray[Any]:
    """The last point of a trace has no interval: it is what the point before it was."""
    last = track.starts[1:] - 1
    has_one_before = last > track.starts[:-1]
    values[last[has_one_before]] = values[last[has_one_before] - 1]
    return values
