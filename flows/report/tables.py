"""What do the tables of routes and of fuel flags hold?

Rows are text, ready to print, the same for the page and for the plain text.
"""

from collections.abc import Callable
from typing import NamedTuple

from flows.report.measures import Figure, gated, route_idle_s
from flows.report.page import MOST_ROWS, Cell, Column
from flows.report.rows import DailyData, RouteDay
from flows.report.style import Style
from flows.report.units import NOT_KNOWN, Units, economy, initials

MOST_FUEL_ROWS = 20
MOST_NAMED = 12


class RouteRow(NamedTuple):
    """One route as it is printed."""

    route: str
    van: str
    driver: str
    exit: str
    against_plan: str | Cell  # marked if more than the tolerance late
    time: str
    utilization: str
    stops: str
    stem: str
    idle: str
    distance: str
    economy: str


class FuelRow(NamedTuple):
    """One fuel flag as it is printed: below the site stands the evidence, below the rule its state."""

    time: str
    van: str
    site: Cell
    volume: str
    rule: Cell


FUEL_COLUMNS = [
    Column("time", "Time"),
    Column("van", "Van", is_name=True),
    Column("site", "Site and evidence", is_prose=True),
    Column("volume", "Volume", is_number=True),
    Column("rule", "Rule", is_number=True),
]


def route_rows(data: DailyData, style: Style) -> list[RouteRow]:
    """Return the routes as text, in order of route; of more than fifty, those with most idle (else longest) first."""
    routes = data.routes
    if len(routes) > MOST_ROWS:
        routes = sorted(routes, key=lambda route: (-route.idle_s, -(route.route_time_s or 0.0), -route.distance_m))
    return [_route_row(route, data, style) for route in routes]


def _route_row(route: RouteDay, data: DailyData, style: Style) -> RouteRow:
    against_plan: str | Cell = ""
    if route.depot_exit_utc and route.planned_exit_utc:
        against_plan = style.signed_minutes((route.depot_exit_utc - route.planned_exit_utc).total_seconds())
        against_plan = Cell(against_plan, "poor") if route.on_time_start is False else against_plan
    idle_s = route_idle_s(route, data)
    fuel = economy(route.fuel_distance_m, route.fuel_used_l, style.units)
    return RouteRow(
        route=route.route_id + (" (rescue)" if route.role == "rescue" else ""),
        van=route.vehicle_id,
        driver=initials(route.driver_name, route.driver_id),
        exit=style.clock(route.depot_exit_utc, data.timezone),
        against_plan=against_plan,
        time=style.hours_minutes(route.route_time_s),
        utilization=_ratio(route, route.route_utilization, style),
        stops=_stops(route),
        stem=_ratio(route, route.stem_share, style),
        idle=NOT_KNOWN if idle_s is None else style.number(idle_s / 60),
        distance=style.number(route.distance_m / style.units.metres),
        economy=_cell_text(gated(fuel, route, absent=NOT_KNOWN), lambda value: style.number(value, 1)),
    )


def _ratio(route: RouteDay, value: float | None, style: Style) -> str:
    return _cell_text(gated(value, route, absent=NOT_KNOWN), style.percent)


def _cell_text(figure: Figure, write: Callable[[float], str]) -> str:
    """Return a figure for a narrow cell: the share of data that explains an `n/a` stands below the table."""
    return figure.text(write).partition(" (")[0]


def _stops(route: RouteDay) -> str:
    """Return done/planned; without a plan the stops that were seen, where all of them could be."""
    if route.is_coarse:
        return "n/a"
    if route.planned_stop_count is None or route.completed_stop_count is None:
        return str(route.stop_count)
    return f"{route.completed_stop_count}/{route.planned_stop_count}"


def route_columns(rows: list[RouteRow], units: Units) -> list[Column]:
    """Return the columns in which at least one row has something to say."""
    columns = [
        Column("route", "Route", is_name=True),
        Column("van", "Van"),
        Column("driver", "Driver", is_minor=True),
        Column("exit", "Exit", is_number=True),
        Column("against_plan", "vs plan", is_number=True),
        Column("time", "Time", is_number=True),
        Column("utilization", "of plan", is_number=True, is_minor=True),
        Column("stops", "Stops", is_number=True),
        Column("stem", "Stem", is_number=True, is_minor=True),
        Column("idle", "Idle min", is_number=True),
        Column("distance", units.distance, is_number=True, is_minor=True),
        Column("economy", units.economy, is_number=True, is_minor=True),
    ]
    nothing = {"", NOT_KNOWN, "n/a"}
    return [column for column in columns if any(getattr(row, column.field) not in nothing for row in rows)]


def gated_note(data: DailyData, style: Style, rows: list[RouteRow], columns: list[Column]) -> str:
    """Return why shares of some routes read n/a, `n/a (data 71 %): R207 V07`; empty if none do."""
    if not any(getattr(row, column.field) == "n/a" for row in rows for column in columns):
        return ""
    reasons: dict[str, list[str]] = {}
    for route in data.routes:
        reason = gated(0.0, route).reason
        if reason:
            reasons.setdefault(reason, []).append(f"{route.route_id} {route.vehicle_id}")
    return "; ".join(f"{reason}: {style.listed(names, MOST_NAMED)}" for reason, names in sorted(reasons.items()))


def fuel_rows(data: DailyData, style: Style) -> list[FuelRow]:
    """Return the fuel flags as text, gravest first."""
    rows = []
    for flag in data.exceptions:
        site = ", ".join(part for part in (flag.site_name, flag.city) if part)
        # A purchase that is dated only has no time of day to show.
        at = NOT_KNOWN if flag.ts_quality == "date_only" else style.clock(flag.ts_utc, data.timezone)
        van = flag.vehicle_id or flag.vehicle_ref or NOT_KNOWN
        evidence = Cell(site or NOT_KNOWN, below=flag.explanation and style.evidence(flag.explanation))
        rule = Cell(f"{flag.rule_id} {flag.severity}", below=flag.state)
        rows.append(FuelRow(at, van, evidence, style.volume(flag.quantity_l), rule))
    return rows


def fuel_note(data: DailyData, style: Style) -> str:
    """Return the sentence above the fuel table, or instead of it."""
    fuel = data.fuel
    bought = f"{style.counted(fuel.purchase_count, 'purchase')}, {style.volume(fuel.quantity_l)}"
    if not fuel.purchase_count:
        note = "No purchases received for this day; card data often comes one or two business days later."
    elif not fuel.verified_count and not data.exceptions:
        note = f"{bought}; none evaluated yet, all are unverifiable so far."
    elif not data.exceptions:
        note = f"{bought}, {fuel.verified_count} checked against positions; no flags."
    else:
        note = f"{bought}, {fuel.verified_count} checked against positions."
    if fuel.note_count:
        note += f" {style.counted(fuel.note_count, 'informational remark')} left out."
    if fuel.earlier_open_count:
        note += f" {style.counted(fuel.earlier_open_count, 'flag')} of the four weeks before still open."
    return note
