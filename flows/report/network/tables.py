"""What do the tiles and tables of the network report hold? Texts, ready to print."""

from math import hypot
from typing import NamedTuple

from flows.report.network.data import Depot, DepotEstimate, NetworkData
from flows.report.network.measures import (
    Measure,
    apart,
    depot_moved,
    interval_text,
    measures,
    moved,
    ranked,
    ranking,
    short_interval,
    side,
    text,
    tone,
)
from flows.report.page import Cell, Column, Tile
from flows.report.style import Style
from flows.report.units import NOT_KNOWN

ENDS = 12  # depots from the top and from the bottom of a ranking
MOST_CHANGES = 10
MOST_APART = 20
FIGURES = 4  # of a depot, side by side
WHY = {
    "heard": "too little of its vans was heard",
    "engine": "the engine of too many vans is not known",
    "few": "fewer than eight units",
    "nothing": "nothing is known of this figure",
}


class Table(NamedTuple):
    """Columns and rows, and how many rows are only in what is attached."""

    columns: list[Column]
    rows: list[dict[str, Cell | str]]
    left_out: int = 0


def tiles(data: NetworkData, style: Style) -> list[Tile]:
    """Return the first six figures that are known, each with its interval, its n and what changed."""
    known = [measure for measure in measures(style) if (now := data.now(measure.key)) and now.value is not None]
    return [_tile(measure, data, style) for measure in known[:6]]


def _tile(measure: Measure, data: NetworkData, style: Style) -> Tile:
    now, before = data.now(measure.key), data.before(measure.key)
    if now is None or now.value is None:
        return Tile(measure.name, "n/a")
    value = text(measure, now)
    detail = interval_text(measure, now) or f"n = {style.number(now.unit_count)}"
    if before is None or before.value is None:
        return Tile(measure.name, value, detail, "no week before")
    gap = measure.read(now.value) - measure.read(before.value)
    difference = _difference(measure, gap, measure.read(before.value), style)
    if not moved(now, before):
        return Tile(measure.name, value, detail, difference)
    if measure.less_is_better is None:
        return Tile(measure.name, value, detail, difference, "changed", "fair")
    word, tone_of_it = ("better", "good") if (gap < 0) == measure.less_is_better else ("worse", "poor")
    return Tile(measure.name, value, detail, difference, word, tone_of_it)


def _difference(measure: Measure, gap: float, before: float, style: Style) -> str:
    if measure.is_share:
        written = style.signed(100 * gap, 1)
        unit = " pt"
    else:
        written = style.signed(100 * gap / before, 1) if before else "±0"
        unit = " %"
    return "unchanged" if written == "±0" else written.replace("+", "▲").replace("−", "▼") + unit


def depots(data: NetworkData, style: Style) -> Table:
    """Return the depots ranked by the first figure they can be compared by, best first, with three more figures."""
    shown = ranked(data, style, FIGURES)
    if not shown:
        return Table([], [])
    first = shown[0]
    found = ranking(first, data)
    columns = [
        Column("place", "", is_number=True),
        Column("depot", "Depot", is_name=True),
        Column("n", "n", is_number=True),
    ]
    columns += [
        Column(measure.key, measure.name, is_number=True, is_minor=number > 0) for number, measure in enumerate(shown)
    ]
    kept = [*enumerate(found, 1)]
    left_out = 0
    if len(found) > 2 * ENDS:
        kept, left_out = kept[:ENDS] + kept[-ENDS:], len(found) - 2 * ENDS
    rows: list[dict[str, Cell | str]] = [
        {
            "place": style.number(place),
            "depot": Cell(depot.depot_id, below=depot.tenant_id),
            "n": style.number(depot.figures[first.key].unit_count),
            **{measure.key: figure(measure, depot, data) for measure in shown},
        }
        for place, depot in kept
    ]
    return Table(columns, rows, left_out)


def figure(measure: Measure, depot: Depot, data: NetworkData) -> Cell:
    """Return a depot's figure with its interval below; a word where it stands apart from the network."""
    estimate = depot.figures.get(measure.key)
    if estimate is None or estimate.value is None:
        return Cell(NOT_KNOWN)
    way = side(measure, estimate, data.now(measure.key))
    below = short_interval(measure, estimate)
    return Cell(text(measure, estimate), tone(measure, way), f"{below}, {way}" if way else below)


def changes(data: NetworkData, style: Style) -> Table:
    """Return what changed at depots beyond chance since the week before, the clearest first."""
    found = [
        (_clarity(estimate), depot, measure, estimate)
        for depot in data.depots
        for measure in measures(style)
        if (estimate := depot.figures.get(measure.key)) and depot_moved(estimate)
    ]
    found.sort(key=lambda each: (-each[0], each[1].tenant_id, each[1].depot_id, each[2].key))
    columns = [
        Column("depot", "Depot", is_name=True),
        Column("what", "Figure"),
        Column("before", "Week before", is_number=True),
        Column("now", "Now", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = [
        {
            "depot": Cell(depot.depot_id, below=depot.tenant_id),
            "what": measure.name,
            "before": measure.write(measure.read(estimate.value_before or 0.0), estimate.currency),
            "now": Cell(text(measure, estimate), *_judged(measure, estimate)),
        }
        for _, depot, measure, estimate in found[:MOST_CHANGES]
    ]
    return Table(columns, rows, max(0, len(found) - MOST_CHANGES))


def _clarity(estimate: DepotEstimate) -> float:
    error = hypot(estimate.standard_error or 0.0, estimate.standard_error_before or 0.0)
    return abs((estimate.value or 0.0) - (estimate.value_before or 0.0)) / error if error else 0.0


def _judged(measure: Measure, estimate: DepotEstimate) -> tuple[str, str]:
    if measure.less_is_better is None or estimate.value is None or estimate.value_before is None:
        return "", ""
    fell = measure.read(estimate.value) < measure.read(estimate.value_before)
    return ("good", "better") if fell == measure.less_is_better else ("poor", "worse")


def left_apart(data: NetworkData, style: Style) -> Table:
    """Return the depots that are not ranked by the first figure, and why."""
    shown = ranked(data, style, 1)
    found = apart(data, shown[0] if shown else None)
    columns = [
        Column("depot", "Depot", is_name=True),
        Column("why", "Why it is not ranked", is_prose=True),
        Column("n", "n", is_number=True),
        Column("heard", "Heard", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = []
    for depot, why in found[:MOST_APART]:
        units = max((estimate.unit_count for estimate in depot.figures.values()), default=0)
        rows.append(
            {
                "depot": Cell(depot.depot_id, below=depot.tenant_id),
                "why": WHY[why],
                "n": style.number(units),
                "heard": style.percent(depot.coverage),
            }
        )
    return Table(columns, rows, max(0, len(found) - MOST_APART))


def health(data: NetworkData, style: Style) -> list[tuple[str, str]]:
    """Return how large the network is, and how well it was heard."""
    sizes = data.sizes
    return [
        ("Size", f"{style.counted(sizes.tenant_count, 'fleet')}, {style.counted(len(data.depots), 'depot')}"),
        (
            "Heard",
            f"{style.counted(sizes.van_days, 'van-day')}, {style.percent(sizes.coverage, 1)} of their time known",
        ),
        ("Routes run", style.number(sizes.routes_run)),
        (
            "Intervals",
            "95 %, from the scatter of van-days or route-days; weather and what all share is not in them, nor that "
            "vans are alike day after day. A depot needs eight units; beyond chance is two standard errors for the "
            "network, three for one of many depots",
        ),
        ("Not here", "vans, drivers and places: it is made of sums only"),
    ]
