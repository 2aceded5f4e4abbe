"""Which routes, vans, stations, rules and limits stand out in the month? Tables of texts, ready to print."""

from typing import TypeVar

from flows.report.monthly.measures import gated, lacks_ignition, scaled
from flows.report.monthly.rows import MonthlyData, Route, Vehicle
from flows.report.monthly.tables import Table
from flows.report.page import Cell, Column
from flows.report.style import Style
from flows.report.units import NOT_KNOWN, economy

ENDS = 10  # rows of a ranking that are shown from its top and from its bottom
MOST_STATIONS = 10
MOST_RULES = 12

Ranked = TypeVar("Ranked")


def routes(data: MonthlyData, style: Style) -> Table:
    """Return the routes with the dearest stops and those with the cheapest; without costs the longest."""
    columns = [
        Column("route", "Route", is_name=True),
        Column("days", "Days", is_number=True),
        Column("each", "a route", is_number=True),
        Column("stop", "a stop", is_number=True),
        Column("before", "before", is_number=True),
        Column("rate", "Stops/h", is_number=True, is_minor=True),
        Column("plan", "of plan", is_number=True, is_minor=True),
        Column("idle", "Idle", is_number=True),
        Column("stem", "Stem", is_number=True, is_minor=True),
    ]
    shown, left_out = ends(data.routes)
    return with_something(columns, [_route(route, data, style) for route in shown], left_out)


def _route(route: Route, data: MonthlyData, style: Style) -> dict[str, Cell | str]:
    def money(value: float | None) -> str:
        return style.money(value, route.currency, cents=True)

    has_engine = not lacks_ignition(data.month)
    return {
        "route": route.route_id,
        "days": style.number(route.route_day_count),
        "each": money(gated(route.cost_per_route, route, "").value),
        "stop": money(gated(route.cost_per_stop, route, "").value),
        "before": money(route.cost_per_stop_before),
        "rate": style.number(gated(route.stops_per_hour, route, "").value, 1),
        "plan": style.percent(gated(route.route_utilization, route, "").value),
        "idle": style.percent(gated(route.idle_share, route, "").value if has_engine else None),
        "stem": style.percent(gated(route.stem_share, route, "").value),
    }


def vehicles(data: MonthlyData, style: Style) -> Table:
    """Return the vans that were used least and those used most."""
    columns = [
        Column("van", "Van", is_name=True),
        Column("days", "Days used", is_number=True),
        Column("share", "of days", is_number=True),
        Column("distance", "Distance", is_number=True),
        Column("cost", f"a {style.units.distance}", is_number=True),
        Column("economy", style.units.economy, is_number=True, is_minor=True),
        Column("idle", "Idle", is_number=True, is_minor=True),
        Column("idle_cost", "Idle cost", is_number=True, is_minor=True),
    ]
    shown, left_out = ends(data.vehicles)
    return with_something(columns, [_vehicle(van, data, style) for van in shown], left_out)


def _vehicle(van: Vehicle, data: MonthlyData, style: Style) -> dict[str, Cell | str]:
    fuel = economy(van.metered_distance_m, van.fuel_used_l, style.units)
    has_engine = not lacks_ignition(van)
    per_distance = scaled(van.cost_per_km, style.units.metres / 1000)
    return {
        "van": van.vehicle_id,
        # Where no van has a route, none is out of use.
        "days": style.number(van.dispatched_days) if data.month.route_count else NOT_KNOWN,
        "share": style.percent(van.day_utilization) if van.available_days else NOT_KNOWN,
        "distance": style.distance(van.distance_m),
        "cost": style.money(gated(per_distance, van, "").value, van.currency, cents=True),
        "economy": style.number(gated(fuel, van, "").value, 1),
        "idle": style.percent(gated(van.idle_share, van, "").value if has_engine else None),
        "idle_cost": style.money(van.idle_cost if has_engine else None, van.currency or data.month.currency),
    }


def stations(data: MonthlyData, style: Style) -> Table:
    """Return where fuel was bought, dearest sum first, and how its price compares with that of all stations."""
    columns = [
        Column("station", "Station", is_name=True),
        Column("fills", "Fills", is_number=True),
        Column("volume", "Volume", is_number=True),
        Column("net", "Spent", is_number=True),
        Column("price", f"a {style.units.volume}", is_number=True),
        Column("against", "vs all", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = []
    for station in data.stations[:MOST_STATIONS]:
        gap = (
            station.price_per_l / station.mean_price_per_l - 1
            if station.price_per_l and station.mean_price_per_l
            else None
        )
        below = ", ".join(part for part in (station.town, station.fuel) if part)
        rows.append(
            {
                "station": Cell(station.station, below=below),
                "fills": style.number(station.purchase_count),
                "volume": style.volume(station.quantity_l, 0),
                "net": style.money(station.net, station.currency),
                "price": style.price(station.price_per_l, station.currency),
                "against": NOT_KNOWN if gap is None else f"{style.signed(100 * gap, 1)} %",
            }
        )
    return Table(columns, rows, max(0, len(data.stations) - MOST_STATIONS))


def flags(data: MonthlyData, style: Style) -> Table:
    """Return the flags on the month's purchases by rule, and what became of them."""
    columns = [
        Column("rule", "Rule", is_name=True),
        Column("flags", "Flags", is_number=True),
        Column("open", "Open", is_number=True),
        Column("cleared", "Cleared", is_number=True),
        Column("confirmed", "Confirmed", is_number=True, is_minor=True),
        Column("cost", "At stake", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = [
        {
            "rule": Cell(f"{rule.rule_id} {rule.title}", below=rule.severity),
            "flags": style.number(rule.flag_count + rule.withdrawn_count),
            "open": style.number(rule.open_count),
            "cleared": style.number(rule.explained_count + rule.dismissed_count + rule.withdrawn_count),
            "confirmed": style.number(rule.confirmed_count),
            "cost": style.money(rule.cost, rule.currency, cents=True),
        }
        for rule in data.flags[:MOST_RULES]
    ]
    return Table(columns, rows, max(0, len(data.flags) - MOST_RULES))


def limits(data: MonthlyData, style: Style) -> Table:
    """Return the idle runs that were possibly over a limit, by whose limit it is."""
    columns = [
        Column("place", "Limit of", is_name=True),
        Column("runs", "Runs", is_number=True),
        Column("vans", "Vans", is_number=True),
        Column("excess", "Beyond it", is_number=True),
        Column("worst", "Longest", is_number=True),
    ]
    rows: list[dict[str, Cell | str]] = [
        {
            "place": limit.place,
            "runs": style.number(limit.event_count),
            "vans": style.number(limit.vehicle_count),
            "excess": style.minutes(limit.excess_s),
            "worst": style.minutes(limit.worst_s),
        }
        for limit in data.limits
    ]
    return Table(columns, rows)


def ends(ranking: list[Ranked]) -> tuple[list[Ranked], int]:
    """Return the top and the bottom of a ranking, and how many lie between."""
    if len(ranking) <= 2 * ENDS:
        return ranking, 0
    return ranking[:ENDS] + ranking[-ENDS:], len(ranking) - 2 * ENDS


def with_something(columns: list[Column], rows: list[dict[str, Cell | str]], left_out: int) -> Table:
    """Return a table of those columns in which at least one row has something to say."""
    kept = [column for column in columns if any(row[column.field] not in ("", NOT_KNOWN) for row in rows)]
    return Table(kept, rows, left_out)
