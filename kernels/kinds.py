"""What was each park episode for, and what is the context of every interval?

The kind of an episode, the first that fits:

    depot      at the depot
    fuel_site  at a fuel site
    planned    the partner of a planned stop
    traffic    more likely a wait in traffic than a hand-off (`kernels.traffic`), also near a planned stop
    planned    left over near a planned stop: a second visit
    break      at least break_us
    unplanned

The context of an interval, the first that fits:

    drive      the state is drive
    hand_off   within a planned or unplanned episode; `depot`, `fuel_site`, `break` and `traffic`
               within an episode of that kind
    traffic    standing with the engine on outside all episodes: too short to be one; no upper duration
    other
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.matching import Matches
from kernels.states import DRIVE, IDLE, READY, States, checked_states
from kernels.stops import Stops, checked_stops
from kernels.track import Codes, Flags, Metres, Track, checked, column

PLANNED, UNPLANNED, DEPOT, FUEL_SITE, BREAK, TRAFFIC = map(np.int8, range(6))
KIND_NAMES = ("planned", "unplanned", "depot", "fuel_site", "break", "traffic")

DRIVE_CONTEXT, TRAFFIC_CONTEXT, HAND_OFF, DEPOT_CONTEXT, FUEL_SITE_CONTEXT, BREAK_CONTEXT, OTHER = map(
    np.int8, range(7)
)
CONTEXT_NAMES = ("drive", "traffic", "hand_off", "depot", "fuel_site", "break", "other")

_CONTEXT_OF_KIND = np.array(
    [HAND_OFF, HAND_OFF, DEPOT_CONTEXT, FUEL_SITE_CONTEXT, BREAK_CONTEXT, TRAFFIC_CONTEXT], dtype=np.int8
)


class KindRules(NamedTuple):
    """Where one kind ends and the next begins; the defaults are in the settings.

    break_us  a break from this duration on
    """

    break_us: int


def stop_kinds(
    stops: Stops, matches: Matches, at_depot: Flags, at_site: Flags, odds: Metres, rules: KindRules
) -> Codes:
    """Return int8 (n_stops,): the kind of every episode, see KIND_NAMES.

    at_depot  bool (n_stops,)
    at_site   bool (n_stops,)
    odds      float64 (n_stops,)  from `kernels.traffic`
    """
    stops = checked_stops(stops)
    planned_of_stop = column("planned_of_stop", matches.planned_of_stop, np.int64, stops.group.size)
    is_partner = column("is_partner", matches.is_partner, np.bool_, stops.group.size)
    at_depot = column("at_depot", at_depot, np.bool_, stops.group.size)
    at_site = column("at_site", at_site, np.bool_, stops.group.size)
    odds = column("odds", odds, np.float64, stops.group.size)
    return np.select(
        [
            at_depot,
            at_site,
            is_partner,
            odds > 0,
            planned_of_stop >= 0,
            stops.departed_us - stops.arrived_us >= rules.break_us,
        ],
        [DEPOT, FUEL_SITE, PLANNED, TRAFFIC, PLANNED, BREAK],
        UNPLANNED,
    ).astype(np.int8)


def contexts(track: Track, states: States, stops: Stops, kinds: Codes) -> Codes:
    """Return int8 (n_rows,): the context of every interval, see CONTEXT_NAMES; `other` for last rows."""
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    stops = checked_stops(stops)
    kinds = column("kinds", kinds, np.int8, stops.group.size)
    if stops.group.size and (stops.first_row.min() < 0 or stops.end_row.max() > track.time_us.size):
        raise ValueError("stops: rows outside the track")
    if kinds.size and (kinds.min() < 0 or kinds.max() >= _CONTEXT_OF_KIND.size):
        raise ValueError(f"kinds: expected 0 to {_CONTEXT_OF_KIND.size - 1}")
    context = np.full(track.time_us.size, OTHER, dtype=np.int8)
    _without_stops(states.state, context)
    _within_stops(states.state, stops.first_row, stops.end_row, kinds, context)
    return context


@part
def context_of(state, kind):
    """The context of an interval of that state in an episode of that kind; -1 outside all episodes."""
    if state == DRIVE:
        return DRIVE_CONTEXT
    if kind >= 0:
        return _CONTEXT_OF_KIND[kind]
    if state in (IDLE, READY):
        return TRAFFIC_CONTEXT
    return OTHER


@kernel
def _without_stops(state, context):
    for row in prange(state.size):
        context[row] = context_of(state[row], np.int8(-1))


@kernel
def _within_stops(state, first_row, end_row, kinds, context):
    for stop in prange(first_row.size):
        for row in range(first_row[stop], end_row[stop]):
            context[row] = context_of(state[row], kinds[stop])
