"""Which park episode served which planned stop, and which site is an episode at?

Matching a plan does not use its order: drivers change it. Planned stops and episodes of a group within the radius of
each other are paired one to one, the best pair first. The score of a pair is its metres, and half the radius more where
the episode is doubtful, because it may have been a wait in traffic: a light 5 m from a door loses to the hand-off 15 m
from it. Equal scores: the earlier planned stop, then the earlier episode.

A planned stop that finds all episodes near it taken shares the best of them: a group stop. An episode left over near
a planned stop, such as a second visit, knows the nearest one. Episodes without a place match nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.geometry import EARTH_RADIUS_M, RADIANS_PER_E7, hop_m
from kernels.searching import first_at
from kernels.stops import Stops, checked_stops
from kernels.track import Degrees, Flags, Ints, Metres, column, starts_of_groups


class Matches(NamedTuple):
    """Plan and day, side by side.

    stop_of_planned  int64 (n_planned,)    index of the episode that served it; -1 none
    metres           float64 (n_planned,)  from the planned stop to that episode; NaN none
    planned_of_stop  int64 (n_stops,)      index of its own planned stop, or left over of the nearest one; -1 none
    stop_metres      float64 (n_stops,)    from the episode to that planned stop; NaN none
    is_partner       bool (n_stops,)       paired with a planned stop, so not left over
    """

    stop_of_planned: Ints
    metres: Metres
    planned_of_stop: Ints
    stop_metres: Metres
    is_partner: Flags


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
    doubtful: Flags,
) -> Matches:
    """Match planned stops and park episodes of the same group by place.

    planned_starts        int64 (n_groups + 1,)  first planned stop of each group, then their count
    planned_latitude_e7   int32 (n_planned,)
    planned_longitude_e7  int32 (n_planned,)
    doubtful              bool (n_stops,)        may have been a wait in traffic
    """
    stops = checked_stops(stops)
    planned_starts = column("planned_starts", planned_starts, np.int64)
    planned_count = int(planned_starts[-1]) if planned_starts.size else 0
    if planned_starts.size == 0 or planned_starts[0] != 0 or np.any(planned_starts[1:] < planned_starts[:-1]):
        raise ValueError("planned_starts: expected to rise from 0 to the number of planned stops")
    latitude_e7 = column("planned_latitude_e7", planned_latitude_e7, np.int32, planned_count)
    longitude_e7 = column("planned_longitude_e7", planned_longitude_e7, np.int32, planned_count)
    doubtful = column("doubtful", doubtful, np.bool_, stops.group.size)
    group_count = planned_starts.size - 1
    if stops.group.size and (stops.group[0] < 0 or stops.group[-1] >= group_count):
        raise ValueError(f"group: expected 0 to {group_count - 1}")
    matches = Matches(
        np.full(planned_count, -1, dtype=np.int64),
        np.full(planned_count, np.nan),
        np.full(stops.group.size, -1, dtype=np.int64),
        np.full(stops.group.size, np.nan),
        np.zeros(stops.group.size, dtype=np.bool_),
    )
    stop_starts = starts_of_groups(stops.group, group_count)
    _match(stops, stop_starts, planned_starts, latitude_e7, longitude_e7, float(radius_m), doubtful, *matches)
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
    doubtful,
    stop_of_planned,
    metres_of_planned,
    planned_of_stop,
    metres_of_stop,
    is_partner,
):
    for group in prange(planned_starts.size - 1):
        first_stop, end_stop = stop_starts[group], stop_starts[group + 1]
        first_planned, end_planned = planned_starts[group], planned_starts[group + 1]
        planned_of, stop_of, metres = _near_pairs(
            stops, first_stop, end_stop, latitude_e7, longitude_e7, first_planned, end_planned, radius_m
        )
        # Pairs are in the order of planned stops, then of episodes; a stable sort keeps it where scores are equal.
        order = np.argsort(metres + np.where(doubtful[stop_of], radius_m / 2, 0.0), kind="mergesort")
        paired = np.zeros(end_planned - first_planned, dtype=np.bool_)
        for pair in order:
            planned, stop = planned_of[pair], stop_of[pair]
            if paired[planned - first_planned]:
                continue
            if not is_partner[stop]:
                paired[planned - first_planned] = is_partner[stop] = True
                planned_of_stop[stop], metres_of_stop[stop] = planned, metres[pair]
                stop_of_planned[planned], metres_of_planned[planned] = stop, metres[pair]
            elif stop_of_planned[planned] < 0:  # shared, until a free one is found
                stop_of_planned[planned], metres_of_planned[planned] = stop, metres[pair]
        for pair in range(metres.size):
            planned, stop = planned_of[pair], stop_of[pair]
            if not is_partner[stop] and not metres[pair] >= metres_of_stop[stop]:  # also when it is NaN: none yet
                planned_of_stop[stop], metres_of_stop[stop] = planned, metres[pair]


@part
def _near_pairs(stops, first_stop, end_stop, latitude_e7, longitude_e7, first_planned, end_planned, radius_m):
    # A degree of latitude is as long everywhere: a planned stop looks at the episodes of its own band only. One unit
    # more covers rounding.
    band_e7 = np.int64(radius_m / (EARTH_RADIUS_M * RADIANS_PER_E7)) + 1
    order = np.argsort(stops.latitude_e7[first_stop:end_stop], kind="mergesort")
    sorted_e7 = stops.latitude_e7[first_stop:end_stop][order]
    low, high = np.empty(end_planned - first_planned, np.int64), np.empty(end_planned - first_planned, np.int64)
    capacity = np.int64(0)
    for number in range(low.size):
        north_e7 = np.int64(latitude_e7[first_planned + number])
        low[number] = first_at(sorted_e7, 0, sorted_e7.size, north_e7 - band_e7)
        high[number] = first_at(sorted_e7, low[number], sorted_e7.size, north_e7 + band_e7 + 1)
        capacity += high[number] - low[number]
    planned_of, stop_of, found_m = np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity)
    count = 0
    for number in range(low.size):
        planned, begin = first_planned + number, count
        for place in range(low[number], high[number]):
            stop = first_stop + order[place]
            if not stops.placed[stop]:
                continue
            metres = hop_m(
                stops.latitude_e7[stop],
                stops.longitude_e7[stop],
                latitude_e7[planned],
                longitude_e7[planned],
            )
            if metres > radius_m:
                continue
            at = count  # in the order of episodes; there are only a few
            while at > begin and stop_of[at - 1] > stop:
                stop_of[at], found_m[at] = stop_of[at - 1], found_m[at - 1]
                at -= 1
            planned_of[count], stop_of[at], found_m[at] = planned, stop, metres
            count += 1
    return planned_of[:count], stop_of[:count], found_m[:count]


@kernel
def _find_sites(stops, order, latitude_e7, longitude_e7, radius_m, site, site_m):
    band_e7 = np.int64(radius_m / (EARTH_RADIUS_M * RADIANS_PER_E7)) + 1
    for stop in prange(stops.group.size):
        if not stops.placed[stop]:
            continue
        lowest_e7 = np.int64(stops.latitude_e7[stop]) - band_e7
        low = first_at(latitude_e7, 0, order.size, lowest_e7)
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
