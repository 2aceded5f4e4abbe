"""What does each picture find, and what is said where there is none?

The finding is the alternative text, for when pictures are blocked, and stands in the plain text.
"""

from collections.abc import Callable
from typing import NamedTuple

from flows.report.page import Picture
from flows.report.style import Style
from flows.report.weekly import pictures
from flows.report.weekly.economy import MOST_SHOWN, Trend, outliers, trends
from flows.report.weekly.measures import lacks_ignition
from flows.report.weekly.routes import days_of, quartiles, shown, spreads
from flows.report.weekly.rows import WeeklyData


class Drawing(NamedTuple):
    """A picture as it stands in the page, and what draws it so many pixels wide."""

    picture: Picture
    draw: Callable[[int], bytes]


def _drawing(name: str, alt: str, caption: str, draw: Callable[[int], bytes]) -> Drawing:
    """Name a picture that is drawn for the page and for a telephone."""
    return Drawing(Picture(f"{name}@odograph", alt, caption, f"{name}-narrow@odograph"), draw)


def hours_absent(data: WeeklyData) -> str:
    if lacks_ignition(data.week):
        return "Not shown: no ignition signal was received, so the engine's hours are not known."
    return "Not shown: no van had its engine on."


def hours(data: WeeklyData, style: Style) -> Drawing | None:
    if lacks_ignition(data.week) or not pictures.hours_shown(data):
        return None
    finding = _hours_finding(data, style)
    caption = "Share of each local hour with the engine on, over the dates each van was heard."
    if data.window is not None:
        caption += (
            f" Dashed: the depot's hours, {_clock(data.window.from_hour)} to {_clock(data.window.to_hour)}. "
            "At the right: engine on, over all available time of the week."
        )
    if len(data.vans) > pictures.MOST_VANS:
        half = pictures.MOST_VANS // 2
        caption += f" The {half} busiest and the {half} least busy of {style.number(len(data.vans))} vans."
    return _drawing("vans-by-hour", f"{finding}.", caption, lambda px: pictures.heat_map(data, style, width_px=px))


def _hours_finding(data: WeeklyData, style: Style) -> str:
    """Return which vans worked most and least, as far as that is known."""
    heard = [van for van in data.vans if van.is_heard]
    if not heard:
        return f"Too little was heard of {style.counted(len(data.vans), 'van')} to tell how busy they were"
    windowed = [van for van in heard if van.time_utilization is not None]
    if not windowed:
        order = sorted(heard, key=lambda van: (-van.engine_on_s, van.vehicle_id))
        finding = f"{order[0].vehicle_id} had its engine on longest, {style.minutes(order[0].engine_on_s)}"
        return finding + (
            f"; {order[-1].vehicle_id} least, {style.minutes(order[-1].engine_on_s)}" if order[1:] else ""
        )
    order = sorted(windowed, key=lambda van: (-(van.time_utilization or 0.0), van.vehicle_id))
    finding = (
        f"{order[0].vehicle_id} had its engine on {style.percent(order[0].time_utilization)} of its available time"
    )
    if order[1:]:
        finding += f", most of all; {order[-1].vehicle_id} {style.percent(order[-1].time_utilization)}, least"
        if data.week.is_heard:
            finding += f"; all vans together {style.percent(data.week.time_utilization)}"
    return finding


def _clock(hour: float) -> str:
    return f"{int(hour):02}:{round(60 * (hour % 1)):02}"


def routes_note(data: WeeklyData, style: Style) -> str:
    """Return how the route-days spread, or why nothing is known of them."""
    days = sorted(day.route_utilization for day in days_of(data) if day.route_utilization is not None)
    if not days:
        if not data.routes:
            return "No routes: no plans, and no route in the vans' messages."
        if not data.week.is_heard:
            return "Too little of the routes was heard to compare them."
        return "No plan to compare route times with: send plans to see them (docs/messages.md)."
    low, middle, high = quartiles(days)
    over = sum(value > 1 for value in days)
    return (
        f"Half of {style.counted(len(days), 'route-day')} took between {style.percent(low)} and {style.percent(high)} "
        f"of plan, the middle one {style.percent(middle)}; {style.number(over)} ran over."
    )


def routes(data: WeeklyData, style: Style) -> Drawing | None:
    rows = shown(data)
    if not rows:
        return None
    planned = [spread.route for spread in rows if spread.route.route_utilization is not None]
    stems = [spread.route for spread in rows if spread.route.stem_share is not None]
    findings, captions = [], []
    if planned:
        longest = planned[0]
        findings.append(f"{longest.route_id} took longest against plan, {style.percent(longest.route_utilization)}")
        captions.append("Dots: each date; bar: the week, orange more than 10 % over plan; grey: within 10 % of it.")
    if stems:
        most = max(stems, key=lambda route: (route.stem_share or 0.0, route.route_id))
        findings.append(f"{most.route_id} has the largest stem, {style.percent(most.stem_share)} of its distance")
        captions.append("Stem: share of the distance before the first and after the last stop.")
        if any(route.stem_share_before is not None for route in stems):
            captions.append("Black line: the four weeks before.")
    total = len(spreads(data))
    if total > len(rows):
        captions.append(f"The {len(rows)} of {style.number(total)} routes farthest from plan.")
    return _drawing(
        "routes",
        f"{'; '.join(findings)}.",
        " ".join(captions),
        lambda px: pictures.route_spread(data, style, width_px=px),
    )


def economy(data: WeeklyData, found: list[Trend], style: Style) -> Drawing | None:
    worst = found[:MOST_SHOWN]
    if not worst or sum(value is not None for trend in worst for value in trend.values) <= len(worst):
        return None
    unit = style.units.economy
    first = worst[0]
    alt = f"{first.vehicle_id} at {style.number(first.now, 1)} {unit} is furthest behind the median of the vans, "
    alt += f"by {style.percent(first.behind)}."
    caption = (
        f"{unit} by week, the {len(worst)} furthest behind of {style.counted(len(found), 'van')}; one scale for all."
    )
    return _drawing("economy", alt, caption, lambda px: pictures.economy_trends(data, worst, style, width_px=px))


def economy_note(data: WeeklyData, style: Style) -> str:
    """Return which vans stand out, or why there is no trend."""
    found = trends(data, style)
    if not found:
        known = sum(van.fuel_used_l is not None for van in data.vans)
        if not known:
            return "Not known: no van sends a fuel counter or gauge."
        if not data.week.is_heard:
            return "Too little was heard to compare vans."
        return f"Fuel use is known of {style.counted(known, 'van')}, too few to compare with each other."
    far = outliers(found)
    if not far:
        return f"None of {style.counted(len(found), 'van')} is behind the others by more than their scatter."
    names = [f"{trend.vehicle_id} ({style.percent(trend.behind)})" for trend in far]
    verb = "is" if len(far) == 1 else "are"
    return f"{style.listed(names)} {verb} behind the median of the vans by more than their scatter."
