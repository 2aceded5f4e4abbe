"""What is the month in one line, and in one or two sentences?"""

from typing import NamedTuple

from flows.report.monthly.measures import Measure, change, cost_per_route, idle_cost, measures
from flows.report.monthly.rows import Month, MonthlyData
from flows.report.style import Style

IN_SUBJECT = ("Cost per route", "Cost per stop")


def subject(data: MonthlyData, style: Style) -> str:
    """Return `northwind · October 2026 · $288.64 a route (▼2 %) · $1.61 a stop · 8 vans · 4.1 t CO2`."""
    every = measures(style)
    month = data.month
    parts = [data.tenant_id, style.month(data.period.first)]
    route = every["Cost per route"].figure(month).value
    if route is None:
        parts.append(f"{style.counted(month.routes_run, 'route')}" if month.routes_run else "no routes")
    else:
        arrow = change(every["Cost per route"], month, data.before, style).text
        parts.append(f"{style.money(route, month.currency, cents=True)} a route{f' ({arrow})' if arrow else ''}")
        stop = every["Cost per stop"].figure(month).value
        parts += [] if stop is None else [f"{style.money(stop, month.currency, cents=True)} a stop"]
    parts.append(style.counted(data.health.vehicles_heard, "van"))
    if month.co2_kg is not None:
        parts.append(f"{style.number(month.co2_kg / 1000, 1)} t CO2")
    return " ".join(" · ".join(parts).split())


def when(data: MonthlyData, style: Style) -> str:
    """Return `October 2026`, and how far it reaches where it is not over."""
    text = style.month(data.period.first)
    newest = data.health.newest_fix_utc
    if newest is not None and newest.date() < data.period.last:
        return f"{text}, up to {style.day(newest.date())}"
    return text


def verdict(data: MonthlyData, style: Style) -> str:
    """Return what a route cost, how that changed, and which part of it made the change."""
    month, name = data.month, style.month(data.period.first)
    if not month.is_heard:
        return f"Only {style.percent(month.coverage)} of {name} was heard, so ratios are not shown."
    route = cost_per_route(month).value
    if route is None:
        return _without_cost(data, style)
    first = f"A route cost {style.money(route, month.currency, cents=True)} in {name}"
    before = cost_per_route(data.before).value if data.before else None
    if before is None or data.before is None:
        return f"{first}; there is no earlier month to compare with.{_idle_sentence(data, style)}"
    gap = round(route - before, 2)
    if not gap:
        return f"{first}, as the month before.{_idle_sentence(data, style)}"
    side = "more" if gap > 0 else "less"
    share = style.percent(abs(gap / before), 1)
    first += f", {style.money(abs(gap), month.currency, cents=True)} ({share}) {side} than the month before"
    part = largest_part(month, data.before, same_way_as=gap)
    if part is None:
        return f"{first}."
    whole = style.money(abs(part.per_route) * month.costed_route_count, month.currency)
    moved = "rose" if part.per_route > 0 else "fell"
    amount = style.money(abs(part.per_route), month.currency, cents=True)
    over = style.counted(month.costed_route_count, "route")
    return f"{first}: {part.name} {moved} by {amount} a route, {whole} over {over}."


class Part(NamedTuple):
    """A part of the cost and how it changed per route."""

    name: str
    per_route: float


def largest_part(month: Month, before: Month, *, same_way_as: float) -> Part | None:
    """Return the part of the cost that changed most per route, the way the whole did."""
    changes = [
        Part(name, now / month.costed_route_count - then / before.costed_route_count)
        for name, now, then in (
            ("fuel", month.fuel_part, before.fuel_part),
            ("paid time", month.wage_part, before.wage_part),
            ("the fixed cost of vans", month.fixed_part, before.fixed_part),
        )
        if now is not None and then is not None and month.costed_route_count and before.costed_route_count
    ]
    same = [part for part in changes if part.per_route * same_way_as > 0]
    return max(same, key=lambda part: abs(part.per_route), default=None)


def _idle_sentence(data: MonthlyData, style: Style) -> str:
    cost = idle_cost(data.month).value
    return f" Idling cost {style.money(cost, data.month.currency)}." if cost else ""


def _without_cost(data: MonthlyData, style: Style) -> str:
    month, name = data.month, style.month(data.period.first)
    ran = (
        style.counted(month.routes_run, "route")
        if month.routes_run
        else style.counted(data.health.vehicles_heard, "van")
    )
    known = f"{ran} and {style.distance(month.distance_m)} in {name}"
    if not month.route_count:
        return f"{known}; without routes nothing says what one costs.{_idle_sentence(data, style)}"
    lacking = cost_per_route(month).reason.removeprefix("n/a (").rstrip(")")
    return f"{known}; what a route cost is not known: {lacking}.{_idle_sentence(data, style)}"


def compared(measure: Measure, data: MonthlyData, style: Style) -> str:
    """Return the difference to the month before for a tile."""
    return change(measure, data.month, data.before, style).text or ("no month before" if data.before is None else "")
