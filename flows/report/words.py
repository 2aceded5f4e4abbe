"""What is the day in one line, and in one sentence?

The subject carries the five figures a manager asks for; the verdict names the largest known cost and who made it.
"""

from flows.report.measures import (
    gated,
    idle_cost,
    idle_share,
    lacks_ignition,
    usual,
)
from flows.report.rows import DailyData, RouteDay
from flows.report.style import Style


def place(data: DailyData, style: Style) -> str:
    """Name what the report is about: the depot if there is one, else the tenant."""
    if len(data.depots) == 1:
        depot_id = data.depots[0].depot_id
        return depot_id if depot_id.lower().startswith("depot") else f"Depot {depot_id}"
    return f"{data.tenant_id} ({style.counted(len(data.depots), 'depot')})" if data.depots else data.tenant_id


def subject(data: DailyData, style: Style) -> str:
    """Return `Depot DAX7 · Thu 26 Feb · 23/24 vans · idle 28.7 % (▲3.1) · 2 fuel flags`."""
    idle = idle_share(data)
    parts = [place(data, style), style.day(data.service_date), _vans(data, style)]
    parts.append(
        f"idle {style.percent(idle.value, 1)}{_arrow(data, style, idle.value)}"
        if idle.value is not None
        else "idle n/a"
    )
    if data.fuel.purchase_count or data.exceptions:
        parts.append(fuel_flags(data, style))
    # A header is one line, whatever the ids that came in by message hold.
    return " ".join(" · ".join(parts).split())


def fuel_flags(data: DailyData, style: Style) -> str:
    """Return `2 fuel flags`, or what is known instead."""
    if data.exceptions:
        return style.counted(len(data.exceptions), "fuel flag")
    return "no fuel flags" if data.fuel.verified_count else "fuel not checked"


def _vans(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    if fleet.vehicles_available and fleet.available_dispatched:
        return f"{fleet.available_dispatched}/{fleet.vehicles_available} vans"
    return f"{style.counted(fleet.vehicles_heard, 'vehicle')} heard"


def _arrow(data: DailyData, style: Style, idle: float | None) -> str:
    before = usual(data.history, lambda fleet: fleet.idle_share)
    if before is None or idle is None:
        return ""
    points = round(100 * (idle - before), 1)
    return f" ({'▲' if points > 0 else '▼'}{style.number(abs(points), 1)})" if points else " (±0)"


def history_label(data: DailyData, style: Style) -> str:
    """Return what differences are measured against, `the median of the last 4 Thursdays heard`."""
    weekday = f"{data.service_date:%A}"
    if len(data.history) == 1:
        return f"{style.day(data.history[0].service_date)}"
    return f"the median of the last {len(data.history)} {weekday}s heard"


def verdict(data: DailyData, *, is_clear: bool, style: Style) -> str:
    """Return one or two sentences: the cost that changed most and who made it, then the fuel flags."""
    if not data.fleet.is_heard:
        first = _poorly_heard(data, style)
    elif is_clear:
        first = f"All clear: {_routes_run(data, style)}, and nothing needs attention."
    else:
        found = [
            (idle_cost(data) or 0.0, usual(data.history, lambda fleet: fleet.idle_cost), _idling),
            (overrun_cost(data) or 0.0, usual_overrun_cost(data), _overruns),
        ]
        # What has no history cannot have changed; without any history the largest cost is said.
        cost, before, sentence = max(found, key=lambda one: (one[1] is not None, abs(one[0] - (one[1] or 0.0))))
        first = sentence(data, style, before) if cost > 0 else _without_cost(data, style)
    return f"{first} {_flag_sentence(data, style)}".strip()


def overrun_s(route: RouteDay) -> float | None:
    """Return the seconds a route took beyond its plan; None where that is not known."""
    if route.planned_route_time_s is None or gated(route.route_time_s, route).value is None:
        return None
    return max(0.0, (route.route_time_s or 0.0) - route.planned_route_time_s)


def overrun_cost(data: DailyData) -> float | None:
    """Return what time beyond plan cost in wages; None without a wage or a plan."""
    costs = [
        over / 3600 * route.wage_per_h
        for route in data.routes
        if route.wage_per_h is not None and (over := overrun_s(route)) is not None
    ]
    return sum(costs) if costs else None


def usual_overrun_cost(data: DailyData) -> float | None:
    """Return what time beyond plan usually costs at today's wage; None without history, plans or a wage."""
    before_s = usual(data.history, lambda fleet: fleet.overrun_s)
    cost, over_s = overrun_cost(data), sum(overrun_s(route) or 0.0 for route in data.routes)
    return None if before_s is None or not cost or not over_s else before_s * cost / over_s


def _compared(data: DailyData, style: Style, cost: float, before: float) -> str:
    """Return `$12 above your 4-week Thursday median`."""
    gap = cost - before
    side = "above" if gap >= 0 else "below"
    return f"{style.money(abs(gap), data.fleet.currency)} {side} your 4-week {data.service_date:%A} median"


def _idling(data: DailyData, style: Style, before: float | None) -> str:
    cost, currency = data.fleet.idle_cost or 0.0, data.fleet.currency
    compared = f"{style.minutes(data.fleet.idle_s)} of engine-on standing"
    if before is not None:
        compared = _compared(data, style, cost, before)
    top = [van for van in data.vehicles if van.idle_s > 0][:3]
    made = sum(van.idle_s for van in top) / data.fleet.idle_s
    names = style.listed([van.vehicle_id for van in top])
    tail = f"; {names} made {style.percent(made)} of it" if len(data.vehicles) > len(top) else ""
    return f"Idling cost {style.money(cost, currency)}, {compared}{tail}."


def _overruns(data: DailyData, style: Style, before: float | None) -> str:
    over = sorted(((overrun_s(route) or 0.0, route) for route in data.routes), key=lambda pair: -pair[0])
    late = [pair for pair in over if pair[0] > 0]
    total_s, (worst_s, worst) = sum(seconds for seconds, _ in late), late[0]
    cost = overrun_cost(data) or 0.0
    compared = "" if before is None else f", {_compared(data, style, cost, before)}"
    return (
        f"{style.counted(len(late), 'route')} ran {style.minutes(total_s)} over plan, about "
        f"{style.money(cost, data.fleet.currency)} in wages{compared}; {worst.route_id} ({worst.vehicle_id}) "
        f"made {style.minutes(worst_s)} of it."
    )


def _poorly_heard(data: DailyData, style: Style) -> str:
    silent = sorted(data.vehicles, key=lambda van: -van.unknown_s)[:3]
    names = style.listed([van.vehicle_id for van in silent if van.unknown_s > 0])
    heard = f"Only {style.percent(data.fleet.coverage)} of the day was heard"
    return f"{heard}, so ratios are not shown; the longest silence was on {names}."


def _without_cost(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    known = f"{_routes_run(data, style)}, {style.distance(fleet.distance_m)} in all"
    idle = idle_share(data)
    if lacks_ignition(data.vehicles):
        return f"{known}; no ignition signal was received, so idling cannot be told from parking."
    if idle.value is None:
        return f"{known}; idling is {idle.reason}."
    share = style.percent(idle.value, 1)
    return f"{known}; {style.minutes(fleet.idle_s)} of idling, {share} of engine-on time, has no price set."


def _routes_run(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    if fleet.routes_planned:
        return f"{fleet.routes_run} of {style.counted(fleet.routes_planned, 'planned route')} ran"
    if fleet.routes_run:
        return f"{style.counted(fleet.routes_run, 'route')} ran"
    return f"{style.counted(fleet.vehicles_heard, 'vehicle')} heard"


def _flag_sentence(data: DailyData, style: Style) -> str:
    if not data.exceptions:
        return ""
    purchases = {row.purchase_key: row.net or 0.0 for row in data.exceptions}
    amount = sum(purchases.values())
    worth = f" ({style.money(amount, data.exceptions[0].currency)})" if amount else ""
    verb = "has a flag" if len(purchases) == 1 else "have flags"
    return f"{style.counted(len(purchases), 'fuel purchase')}{worth} {verb} to look at."
