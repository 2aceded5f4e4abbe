"""Which park episode served which planned stop, and which site is an episode at?

Matching a plan does not use its order: drivers change it. Each planned stop goes to the nearest episode
of its group within the radius, so several planned stops may share one episode (a group stop). Each
episode also knows the planned stop nearest to it, even if another episode was nearer to that one: a
second visit is still a visit. Equal distances: the earlier one. Episodes without a place match nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel
from kernels.geometry import EARTH_RADIUS_M, RADIANS_PER_E7, hop_m
from kernels.stops import Stops, checked_stops
from kernels.track import Degrees, Ints, Metres, column, starts_of_groups


class Matches(NamedTuple):
    """Plan and day, side by side.

    stop_of_planned  int64 (n_planned,)    index of the episode; -1 none
    metres           float64 (n_planned,)  from the planned stop to that episode; NaN none
    planned_of_stop  int64 (n_stops,)      index of the nearest planned stop; -1 none
    """

    stop_of_planned: Ints
    metres: Metres
    planned_of_stop: Ints


class NearestSites(NamedTuple):
    """The site nearest to each episode.

    site    int64 (n_stops,)    index of the site; -1 none within the radius
    metres  float64 (n_stops,)  from the episode to that site; NaN none
    """

    site: Ints
    metres: Metres


def match_plan(
    stops: Stops,
    planned_starts: Ints,
    planned_latitude_e7: Degrees,
    planned_longitude_e7: Degrees,
    radius_m: float,
) -> Matches:
    """Match planned stops and park episodes of the same group by place.

    planned_starts        int64 (n_groups + 1,)  first planned stop of each group, then their count
    planned_latitude_e7   int32 (n_planned,)
    planned_longitude_e7  int32 (n_planned,)
    """
    stops = checked_stops(stops)
    planned_starts = column("planned_starts", planned_starts, np.int64)
    planned_count = int(planned_starts[-1]) if planned_starts.size else 0
    if planned_starts.size == 0 or planned_starts[0] != 0 or np.any(planned_starts[1:] < planned_starts[:-1]):
        raise ValueError("planned_starts: expected to rise from 0 to the number of planned stops")
    latitude_e7 = column("planned_latitude_e7", planned_latitude_e7, np.int32, planned_count)
    longitude_e7 = column("planned_longitude_e7", planned_longitude_e7, np.int32, planned_count)
    group_count = planned_starts.size - 1
    if stops.group.size and (stops.group[0] < 0 or stops.group[-1] >= group_count):
        raise ValueError(f"group: expected 0 to {group_count - 1}")
    matches = Matches(
        np.full(planned_count, -1, dtype=np.int64),
        np.full(planned_count, np.nan),
        np.full(stops.group.size, -1, dtype=np.int64),
    )
    stop_starts = starts_of_groups(stops.group, group_count)
    _match(stops, stop_starts, planned_starts, latitude_e7, longitude_e7, float(radius_m), *matches)
    return matches


def nearest_site(stops: Stops, site_latitude_e7: Degrees, site_longitude_e7: Degrees, radius_m: float) -> NearestSites:
    """Find the nearest site within the radius of every episode; sites are int32 (n_sites,), in any order."""
    stops = checked_stops(stops)
    latitude_e7 = column("site_latitude_e7", site_latitude_e7, np.int32)
    longitude_e7 = column("site_longitude_e7", site_longitude_e7, np.int32, latitude_e7.size)
    # By latitude, so that an episode looks at the sites of its own band only.
    order = np.argsort(latitude_e7, kind="stable")
    nearest = NearestSites(np.full(stops.group.size, -1, dtype=np.int64), np.full(stops.group.size, np.nan))
    _find_sites(stops, order, latitude_e7[order], longitude_e7[order], float(radius_m), *nearest)
    return nearest


@kernel
def _match(
    stops,
    stop_starts,
    planned_starts,
    latitude_e7,
    longitude_e7,
    radius_m,
    stop_of_planned,
    metres_of_planned,
    planned_of_stop,
):
    # A degree of latitude is as long everywhere: most pairs need this comparison only. One unit more
    # covers rounding.
    band_e7 = np.int64(radius_m / (EARTH_RADIUS_M * RADIANS_PER_E7)) + 1
    for group in prange(planned_starts.size - 1):
        for stop in range(stop_starts[group], stop_starts[group + 1]):
            if not stops.placed[stop]:
                continue
            nearest_m = np.inf
            for planned in range(planned_starts[group], planned_starts[group + 1]):
                if abs(np.int64(latitude_e7[planned]) - np.int64(stops.latitude_e7[stop])) > band_e7:
                    continue
                metres = hop_m(
                    stops.latitude_e7[stop],
                    stops.longitude_e7[stop],
                    latitude_e7[planned],
                    longitude_e7[planned],
                )
                if metres > radius_m:
                    continue
                if metres < nearest_m:
                    nearest_m = metres
                    planned_of_stop[stop] = planned
                if not metres >= metres_of_planned[planned]:  # also when it is NaN: none yet
                    metres_of_planned[planned] = metres
                    stop_of_planned[planned] = stop


@kernel
def _find_sites(stops, order, latitude_e7, longitude_e7, radius_m, site, site_m):
    band_e7 = np.int64(radius_m / (EARTH_RADIUS_M * RADIANS_PER_E7)) + 1
    for stop in prange(stops.group.size):
        if not stops.placed[stop]:
            continue
        lowest_e7 = np.int64(stops.latitude_e7[stop]) - band_e7
        low, high = 0, order.size
        while low < high:
            middle = (low + high) // 2
            if latitude_e7[middle] < lowest_e7:
                low = middle + 1
            else:
                high = middle
        nearest_m = np.inf
        for place in range(low, order.size):
            if latitude_e7[place] > np.int64(stops.latitude_e7[stop]) + band_e7:
                break
            metres = hop_m(
                stops.latitude_e7[stop],
                stops.longitude_e7[stop],
                latitude_e7[place],
                longitude_e7[place],
            )
            if metres > radius_m or metres > nearest_m:
                continue
            if metres < nearest_m or order[place] < site[stop]:
                nearest_m = metres
                site[stop] = order[place]
                site_m[stop] = metres
