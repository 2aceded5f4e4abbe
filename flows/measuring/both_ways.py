"""How do ordinary groups and those that went row by row come together again, in the order of groups?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.measuring.by_row import ByRow, ledger_by_row
from flows.measuring.planned import Ints
from flows.measuring.route_labels import RouteParts, route_of_rows
from flows.measuring.tracks import Day
from kernels.gathering import values_at
from kernels.ledger import Ledger
from kernels.ordinary import Ordinary
from kernels.ordinary_ledger import Labels, ordinary_ledger
from kernels.phases import Pieces, phase_of_rows
from kernels.states import States
from kernels.stops import Stops
from kernels.track import Track


def all_stops(track: Track, ordinary: Ordinary, unusual: ByRow) -> Stops:
    """The park episodes of every group."""
    found = ordinary.stops
    stops = Stops(
        found.group,
        found.first_row,
        found.end_row,
        values_at(track.time_us, found.first_row),
        values_at(track.time_us, found.end_row),
        found.latitude_e7,
        found.longitude_e7,
        np.ones(found.group.size, np.bool_),
        found.engine_on_us,
        found.off_us,
    )
    return Stops._make(_in_order(stops, unusual.stops)) if unusual.stops.group.size else stops


def whole_ledger(
    day: Day,
    track: Track,
    ordinary: Ordinary,
    unusual: ByRow,
    stops: Stops,
    kinds: NDArray[np.int8],
    parts: RouteParts,
    pieces: Pieces,
    said: Ints,
) -> Ledger:
    """The runs of every group."""
    labels = Labels(pieces.first_row, pieces.phase, parts.route[pieces.group])
    runs = ordinary_ledger(track, ordinary.runs, stops, kinds, labels)
    if not unusual.groups.size:
        return runs
    others = ledger_by_row(
        *(unusual, stops, kinds, _phases(pieces, unusual)),
        *(route_of_rows(said, parts, unusual.numbers()), unusual.taken(day.pto)),
    )
    return Ledger._make(_in_order(runs, others))


def _phases(pieces: Pieces, unusual: ByRow) -> NDArray[np.int8]:
    """The phase of each row of the groups that went row by row."""
    own = np.isin(pieces.group, unusual.groups)
    group = np.searchsorted(unusual.groups, pieces.group[own])
    return phase_of_rows(
        unusual.track.starts, Pieces(group, pieces.first_row[own] - unusual.row[group], pieces.phase[own])
    )


def _in_order(some: Stops | Ledger, others: Stops | Ledger) -> list[Any]:
    """The columns of both, by their first row, which no two share."""
    order = np.argsort(np.concatenate([some.first_row, others.first_row]), kind="stable")
    columns: list[tuple[Any, Any]] = list(zip(some, others, strict=True))
    return [np.concatenate(pair)[order] for pair in columns]


def states_of_rows(
    has_rows: NDArray[np.bool_], ordinary: Ordinary, unusual: ByRow
) -> tuple[States, NDArray[np.float64]]:
    """State and metres of every row of the groups with meters, `has_rows`; no rows where no group has any."""
    is_wired_wrong = np.zeros(has_rows.size, np.bool_)
    if not has_rows.any():
        return States(np.zeros(0, np.int8), np.zeros(0, np.int64), is_wired_wrong), np.zeros(0)
    rows, states = ordinary.rows, unusual.states
    unusual.write(rows.state, states.state)
    unusual.write(rows.step_us, states.step_us)
    unusual.write(rows.step_m, unusual.distances.step_m)
    return States(rows.state, rows.step_us, is_wired_wrong), rows.step_m
