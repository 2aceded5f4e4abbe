"""Which route does each row of a chunk belong to: the planned one, or the one that its message named?"""

from typing import NamedTuple

import numpy as np
import polars as pl

from flows.measuring.planned import Ints
from flows.measuring.tracks import Day

NO_ROUTE = -1


class RouteParts(NamedTuple):
    """Stretches of rows that belong to one route, or to a vehicle-date without one.

    starts  int64 (n_parts + 1,)  first row of each part, then the row count
    group   int64 (n_parts,)      the vehicle-date
    route   int64 (n_parts,)      the planned route; without a plan the only one that messages name, else NO_ROUTE
    """

    starts: Ints
    group: Ints
    route: Ints


class RoutesHeard(NamedTuple):
    """Routes that only messages name, each once in its group, in order; int64 (n,)."""

    group: Ints
    route: Ints


def route_parts(day: Day, said: Ints) -> RouteParts:
    """Cut the rows of each vehicle-date where one planned route of it ends and the next begins.

    `said` is the route that the message of each row named. A vehicle-date without a plan whose messages name one
    route belongs to it as a whole, as it would to a plan.
    """
    firsts, groups, routes = [], [], []
    planned = dict[int, list[int]]()
    for route, group in enumerate(day.routes.group.tolist()):
        planned.setdefault(group, []).append(route)
    for group in range(len(day.names)):
        named = said[day.track.starts[group] : day.track.starts[group + 1]]
        named = named[named != NO_ROUTE]
        only = int(named[0]) if named.size and (named == named[0]).all() else NO_ROUTE
        for route in planned.get(group, [only]):
            is_first = group not in planned or route == planned[group][0]
            firsts.append(day.track.starts[group] if is_first else day.routes.first_row[route])
            groups.append(group)
            routes.append(route)
    starts = np.array([*firsts, day.track.time_us.size], dtype=np.int64)
    return RouteParts(starts, np.array(groups, dtype=np.int64), np.array(routes, dtype=np.int64))


def said_routes(day: Day) -> tuple[Ints, list[str]]:
    """The route that the message of each row named, numbered after the planned ones, and their names; without any
    name there are no rows."""
    if day.message_route.null_count() == day.message_route.len():
        return np.zeros(0, np.int64), []
    names = day.message_route.drop_nulls().unique().sort().to_list()
    number = {name: index + day.routes.group.size for index, name in enumerate(names)}
    said = day.message_route.replace_strict(number, default=NO_ROUTE, return_dtype=pl.Int64).to_numpy()
    return said.astype(np.int64), names


def route_of_rows(said: Ints, parts: RouteParts, rows: Ints) -> Ints:
    """The route of these rows: their part's, else the one their message named."""
    of_part = parts.route[np.searchsorted(parts.starts, rows, side="right") - 1]
    return np.where(of_part != NO_ROUTE, of_part, said[rows]) if said.size else of_part


def routes_heard(day: Day, said: Ints, parts: RouteParts) -> RoutesHeard:
    """Routes of rows that no plan has."""
    found = set[tuple[int, int]]()
    for part in np.flatnonzero(np.diff(parts.starts) > 0) if said.size else ():
        group, route = int(parts.group[part]), int(parts.route[part])
        if route >= day.routes.group.size:
            found.add((group, route))
        elif route == NO_ROUTE:
            named = np.unique(said[parts.starts[part] : parts.starts[part + 1]])
            found.update((group, int(number)) for number in named if number != NO_ROUTE)
    pairs = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
    return RoutesHeard(pairs[:, 0], pairs[:, 1])
