"""Which routes are far from their plan, and which spend most on the way to their first stop?"""

from typing import NamedTuple

from flows.report.page import Cell, Column
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly.measures import gated
from flows.report.weekly.rows import RouteDay, RouteWeek, WeeklyData

MOST_SHOWN = 16  # rows of the picture; more cannot be told apart on a telephone


class Spread(NamedTuple):
    """One route over the week: time against plan on each date, its sum over sum, and the stem."""

    route: RouteWeek
    days: list[float]


def over_plan(data: WeeklyData) -> list[tuple[float, RouteWeek]]:
    """Return seconds beyond plan by route, most first; routes within their plan are left out."""
    over = []
    for route in data.routes:
        if route.is_heard and route.route_time_s is not None and route.planned_route_time_s:
            over.append((route.route_time_s - route.planned_route_time_s, route))
    return sorted((pair for pair in over if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].route_id))


def spreads(data: WeeklyData) -> list[Spread]:
    """Return the routes with anything to show, farthest from plan first; without plans those with most stem."""
    days: dict[str, list[float]] = {}
    for day in data.route_days:
        if day.is_heard and day.route_utilization is not None:
            days.setdefault(day.route_id, []).append(day.route_utilization)
    found = [
        Spread(route, sorted(days.get(route.route_id, [])))
        for route in data.routes
        if route.is_heard and (route.route_utilization is not None or route.stem_share is not None)
    ]
    return sorted(
        found,
        key=lambda spread: (
            spread.route.route_utilization is None,
            -abs((spread.route.route_utilization or 1.0) - 1),
            -(spread.route.stem_share or 0.0),
            spread.route.route_id,
        ),
    )


def shown(data: WeeklyData) -> list[Spread]:
    """Return the rows of the picture: those farthest from plan, longest against plan on top."""
    return sorted(
        spreads(data)[:MOST_SHOWN],
        key=lambda spread: (-(spread.route.route_utilization or 0.0), -(spread.route.stem_share or 0.0)),
    )


def days_of(data: WeeklyData) -> list[RouteDay]:
    """Return the route-days whose time against plan is known."""
    return [day for day in data.route_days if day.is_heard and day.route_utilization is not None]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return the quarter, the half and the three quarters of sorted values, between neighbours by their distance."""

    def at(part: float) -> float:
        place = part * (len(values) - 1)
        low = int(place)
        high = min(low + 1, len(values) - 1)
        return values[low] + (values[high] - values[low]) * (place - low)

    return at(0.25), at(0.5), at(0.75)


ROUTE_COLUMNS = (
    Column("route", "Route", is_name=True),
    Column("days", "Days", is_number=True),
    Column("utilization", "Of plan", is_number=True),
    Column("worst", "Longest day", is_number=True, is_minor=True),
    Column("over", "Over plan", is_number=True),
    Column("stem", "Stem", is_number=True),
    Column("stem_before", "4 weeks before", is_number=True, is_minor=True),
)


def route_rows(data: WeeklyData, style: Style) -> list[dict[str, Cell | str]]:
    """Return every route with its figures, farthest from plan first: what the picture shows, and the rest."""
    rows: list[dict[str, Cell | str]] = []
    for route, days in spreads(data):
        over_s = (route.route_time_s or 0.0) - (route.planned_route_time_s or 0.0)
        known = route.route_utilization is not None
        rows.append(
            {
                "route": route.route_id,
                "days": style.number(route.days_with_data),
                "utilization": gated(route.route_utilization, route.coverage, route.is_heard, "no plan").text(
                    style.percent
                ),
                "worst": style.percent(days[-1]) if days else NOT_KNOWN,
                "over": style.minutes(over_s) if known and over_s >= 60 else NOT_KNOWN,
                "stem": style.percent(route.stem_share),
                "stem_before": style.percent(route.stem_share_before),
            }
        )
    return rows
