"""Where is the depot of each vehicle-date, and what was planned for it?

Planned routes and planned stops are laid out by group, so that a row, a stop or a route is always found by its
number.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

GROUP = ["tenant_id", "service_date", "vehicle_id"]
GROUP_TYPES = {"tenant_id": pl.String, "service_date": pl.Date, "vehicle_id": pl.String}
Ints = NDArray[np.int64]


class Depots(NamedTuple):
    """The depot of each group: int32 (n_groups,) degrees times 10 000 000, float32 metres, NaN without a depot."""

    latitude_e7: NDArray[np.int32]
    longitude_e7: NDArray[np.int32]
    radius_m: NDArray[np.float32]


class PlannedStops(NamedTuple):
    """Planned stops by group: starts int64 (n_groups + 1,); the rest (n_planned,)."""

    starts: Ints
    latitude_e7: NDArray[np.int32]
    longitude_e7: NDArray[np.int32]
    planned_seq: Ints
    route: Ints  # number of the stop's route in Routes


class Routes(NamedTuple):
    """Planned routes by group, in the order they leave: every field has the shape (n_routes,)."""

    group: Ints
    route_id: list[str]
    first_row: Ints  # of the track; a row belongs to the last route that has begun
    end_row: Ints


def e7(degrees: pl.Series) -> NDArray[np.int32]:
    """Degrees times 10 000 000; 0 where there are none."""
    return np.ascontiguousarray((degrees.fill_null(0).to_numpy() * 1e7).round().astype(np.int32))


def depots_of(vans: pl.DataFrame) -> Depots:
    """The depot of each group, from a row for each."""
    known = (vans["depot_latitude"].is_not_null() & vans["depot_longitude"].is_not_null()).to_numpy()
    radius_m = vans["depot_radius_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Depots(
        e7(vans["depot_latitude"]),
        e7(vans["depot_longitude"]),
        np.where(known, radius_m, np.nan).astype(np.float32),
    )


def routes_of(routes: pl.DataFrame, number: pl.DataFrame, starts: Ints, time_us: Ints) -> Routes:
    """Where a van has several routes on a date, one ends half way between its return and the next one's exit."""
    listed = number.join(routes, on=GROUP, how="inner", maintain_order="left_right").with_columns(
        pl.col("planned_exit_utc", "planned_return_utc").dt.epoch("us")
    )
    group = listed["group"].to_numpy().astype(np.int64)
    exits, returns = listed["planned_exit_utc"].to_list(), listed["planned_return_utc"].to_list()
    first_row = starts[group].copy() if group.size else np.zeros(0, np.int64)
    end_row = starts[group + 1].copy() if group.size else np.zeros(0, np.int64)
    for route in range(1, group.size):
        if group[route] != group[route - 1]:
            continue
        if exits[route] is None:  # sorted last: with no time of its own it takes nothing from the others
            first_row[route] = end_row[route]
            continue
        before = returns[route - 1] if returns[route - 1] is not None else exits[route]
        within = time_us[starts[group[route]] : starts[group[route] + 1]]
        row = starts[group[route]] + np.searchsorted(within, (before + exits[route]) // 2)
        first_row[route] = end_row[route - 1] = max(row, first_row[route - 1])
    return Routes(group, listed["route_id"].to_list(), first_row, end_row)


def planned_stops_of(planned: pl.DataFrame, number: pl.DataFrame, routes: Routes, group_count: int) -> PlannedStops:
    """Planned stops by group and in their order, each with the number of its route."""
    route_numbers = pl.DataFrame(
        {
            "group": pl.Series(routes.group, dtype=pl.UInt32),
            "route_id": pl.Series(routes.route_id, dtype=pl.String),
            "route": pl.Series(np.arange(routes.group.size), dtype=pl.Int64),
        }
    ).unique(["group", "route_id"], keep="first", maintain_order=True)
    listed = (
        number.join(planned, on=GROUP, how="inner", maintain_order="left_right")
        .join(route_numbers, on=["group", "route_id"], how="left", maintain_order="left")
        .with_columns(pl.col("group").cast(pl.Int64))
    )
    return PlannedStops(
        np.searchsorted(listed["group"].to_numpy(), np.arange(group_count + 1)).astype(np.int64),
        e7(listed["latitude"]),
        e7(listed["longitude"]),
        listed["planned_seq"].fill_null(0).to_numpy().astype(np.int64),
        listed["route"].fill_null(-1).to_numpy().astype(np.int64),
    )
