"""What does MovingPandas say about labelled traces?

Four of its ways, each with its own parameters as they are named there: metres, seconds, metres a second. Coordinates
are metres of a projected system, so its distances are flat and quick.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from flows.bench.stops.methods import Method
from flows.bench.stops.traces import Flags, Traces, trace_of_points

NAME = "MovingPandas"
METRIC_CRS = "EPSG:32618"  # any projected system in metres


class StopDetector(NamedTuple):
    """TrajectoryStopDetector: the points from the beginning to the end of a stop are parked."""

    max_diameter: float
    min_duration: float


class StopSplitter(NamedTuple):
    """StopSplitter: what is left between stops, if it is long enough, is driven; its ends are those of the stops."""

    max_diameter: float
    min_duration: float
    min_length: float


class SpeedSplitter(NamedTuple):
    """SpeedSplitter: its trajectories, if they are long enough, are driven."""

    speed: float
    duration: float
    min_length: float


class AddSpeed(NamedTuple):
    """add_speed: parked up to that speed."""

    max_speed: float


DETECTORS = [
    StopDetector(*one) for one in product((20.0, 25.0, 30.0, 40.0, 50.0, 60.0), (10.0, 15.0, 20.0, 30.0, 45.0))
]
STOP_SPLITTERS = [
    StopSplitter(*one)
    for one in product((20.0, 25.0, 30.0, 40.0, 50.0), (10.0, 15.0, 20.0, 30.0), (0.0, 25.0, 50.0, 100.0))
]
SPEED_SPLITTERS = [
    SpeedSplitter(*one)
    for one in product((2.25, 2.5, 2.75, 3.0, 3.25), (11.0, 21.0, 26.0, 31.0), (0.0, 25.0, 50.0, 100.0))
]
SPEEDS = [AddSpeed(speed) for speed in (1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 4.0)]


def moving_pandas_methods(traces: Traces) -> list[Method]:
    """Return the four ways, ready for the traces; needs MovingPandas."""
    answers = _Answers(traces)
    return [
        Method(f"{NAME} TrajectoryStopDetector", DETECTORS, answers.detected),
        Method(f"{NAME} StopSplitter", STOP_SPLITTERS, answers.between_stops),
        Method(f"{NAME} SpeedSplitter", SPEED_SPLITTERS, answers.between_slow_parts),
        Method(f"{NAME} add_speed", SPEEDS, answers.slow),
    ]


class _Segment(NamedTuple):
    trace: int
    first_us: int
    last_us: int
    length_m: float


class _Answers:
    """Answers for one set of traces; what settings share is worked out once."""

    def __init__(self, traces: Traces) -> None:
        import movingpandas
        import pandas

        self.package = movingpandas
        self.traces = traces
        points = pandas.DataFrame(
            {
                "trace": trace_of_points(traces),
                "x": traces.x_m,
                "y": traces.y_m,
                "time": pandas.to_datetime(traces.time_us, unit="us"),
            }
        ).set_index("time")
        self.trajectories = movingpandas.TrajectoryCollection(points, traj_id_col="trace", x="x", y="y", crs=METRIC_CRS)
        self.stop_ranges = cache(self._stop_ranges)
        self.stop_splits = cache(self._stop_splits)
        self.speed_splits = cache(self._speed_splits)
        self.speed_ms = cache(self._speed_ms)

    def detected(self, settings: StopDetector) -> Flags:
        return self._within(self.stop_ranges(settings.max_diameter, settings.min_duration))

    def between_stops(self, settings: StopSplitter) -> Flags:
        drives = self.stop_splits(settings.max_diameter, settings.min_duration)
        return ~self._within(one for one in drives if one.length_m > settings.min_length)

    def between_slow_parts(self, settings: SpeedSplitter) -> Flags:
        drives = self.speed_splits(settings.speed, settings.duration)
        return ~self._within(one for one in drives if one.length_m > settings.min_length)

    def slow(self, settings: AddSpeed) -> Flags:
        return np.asarray(self.speed_ms() <= settings.max_speed, np.bool_)

    def _within(self, segments: Iterable[_Segment]) -> Flags:
        answer = np.zeros(self.traces.time_us.size, np.bool_)
        for segment in segments:
            first, end = self.traces.starts[segment.trace], self.traces.starts[segment.trace + 1]
            time_us = self.traces.time_us[first:end]
            begin, last = np.searchsorted(time_us, [segment.first_us, segment.last_us])
            answer[first + begin : first + last + 1] = True
        return answer

    def _stop_ranges(self, max_diameter: float, min_duration: float) -> list[_Segment]:
        found = self.package.TrajectoryStopDetector(self.trajectories).get_stop_time_ranges(
            max_diameter=max_diameter, min_duration=timedelta(seconds=min_duration)
        )
        return [_Segment(int(one.traj_id), _us(one.t_0), _us(one.t_n), np.nan) for one in found]

    def _stop_splits(self, max_diameter: float, min_duration: float) -> list[_Segment]:
        splitter = self.package.StopSplitter(self.trajectories)
        found = splitter.split(max_diameter=max_diameter, min_duration=timedelta(seconds=min_duration))
        return _segments(found)

    def _speed_splits(self, speed: float, duration: float) -> list[_Segment]:
        splitter = self.package.SpeedSplitter(self.trajectories)
        return _segments(splitter.split(speed=speed, duration=timedelta(seconds=duration)))

    def _speed_ms(self) -> Any:
        trajectories = self.trajectories.copy()
        trajectories.add_speed(overwrite=True)
        return np.concatenate([one.df["speed"].to_numpy() for one in trajectories.trajectories])


def _segments(trajectories: Any) -> list[_Segment]:
    """A part of trajectory 12 has an id that begins with 12 and an underscore."""
    return [
        _Segment(int(str(one.id).split("_")[0]), _us(one.get_start_time()), _us(one.get_end_time()), one.get_length())
        for one in trajectories.trajectories
    ]


def _us(instant: Any) -> int:
    import pandas

    return int(pandas.Timestamp(instant).value // 1000)
