"""What does trackintel say about labelled traces?

Two of its ways, with the parameters as they are named there: the points of a staypoint are parked; or those and,
between staypoints, the points of triplegs whose mode is slow by their mean speed.
"""

import warnings
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from flows.bench.stops.methods import Method
from flows.bench.stops.traces import Flags, Traces, trace_of_points

NAME = "trackintel"
DEGREES_PER_M = float(np.degrees(1 / 6_371_000))  # its own radius of the earth; traces are put at the equator
SLOW, FAST = "slow", "fast"


class Staypoints(NamedTuple):
    """generate_staypoints with include_last: metres, minutes, minutes."""

    dist_threshold: float
    time_threshold: float
    gap_threshold: float


class Modes(NamedTuple):
    """The same, then generate_triplegs and predict_transport_mode with one boundary (metres a second)."""

    dist_threshold: float
    time_threshold: float
    gap_threshold: float
    slow_below: float


STAYPOINTS = [Staypoints(*one) for one in product((15.0, 20.0, 25.0, 30.0, 40.0), (0.2, 0.35, 0.5, 0.75), (1.0, 15.0))]
MODES = [Modes(*one, slow_below) for one in STAYPOINTS for slow_below in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)]


def track_intel_methods(traces: Traces) -> list[Method]:
    """Return the two ways, ready for the traces; needs trackintel."""
    answers = _Answers(traces)
    return [
        Method(f"{NAME} generate_staypoints", STAYPOINTS, answers.staying),
        Method(f"{NAME} predict_transport_mode", MODES, answers.staying_or_slow),
    ]


class _Answers:
    """Answers for one set of traces; what settings share is worked out once."""

    def __init__(self, traces: Traces) -> None:
        import geopandas
        import pandas
        import trackintel

        points = geopandas.GeoDataFrame(
            {
                "user_id": trace_of_points(traces),
                "tracked_at": pandas.to_datetime(traces.time_us, unit="us", utc=True),
            },
            geometry=geopandas.points_from_xy(traces.x_m * DEGREES_PER_M, traces.y_m * DEGREES_PER_M),
            crs="EPSG:4326",
        )
        self.fixes = trackintel.Positionfixes(points)
        self.staypoints = cache(self._staypoints)
        self.triplegs = cache(self._triplegs)

    def staying(self, settings: Staypoints) -> Flags:
        return _in_order(self.staypoints(settings)["staypoint_id"].notna())

    def staying_or_slow(self, settings: Modes) -> Flags:
        staypoints = Staypoints(*settings[:3])
        fixes, triplegs = self.triplegs(staypoints)
        modes = triplegs.predict_transport_mode(
            method="simple-coarse", categories={settings.slow_below: SLOW, float("inf"): FAST}
        )["mode"]
        slow = modes.index[modes == SLOW]
        return self.staying(staypoints) | _in_order(fixes["tripleg_id"].isin(slow))

    def _staypoints(self, settings: Staypoints) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what its own code will have to change
            fixes, _ = self.fixes.generate_staypoints(include_last=True, **settings._asdict())
        return fixes

    def _triplegs(self, settings: Staypoints) -> tuple[Any, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fixes, triplegs = self.staypoints(settings).generate_triplegs(gap_threshold=settings.gap_threshold)
        return fixes, triplegs


def _in_order(column: Any) -> Flags:
    """Their tables are sorted by user and time; ours are, too, but nobody promises that it is the same sort."""
    return np.asarray(column.sort_index().to_numpy(), dtype=np.bool_)
