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
from flows.report.units import Units, counted, day, distance, listed, minutes, money, percent


def place(data: DailyData) -> str:
    """Name what the report is about: the depot if there is one, else the tenant."""
    if len(data.depots) == 1:
        depot_id = data.depots[0].depot_id
        return depot_id if depot_id.lower().startswith("depot") else f"Depot {depot_id}"
    return f"{data.tenant_id} ({counted(len(data.depots), 'depot')})" if data.depots else data.tenant_id


def subject(data: DailyData) -> str:
    """Return `Depot DAX7 · Thu 26 Feb · 23/24 vans · idle 28.7 % (▲3.1) · 2 fuel flags`."""
    idle = idle_share(data)
    parts = [place(data), day(data.service_date), _vans(data)]
    parts.append(f"idle {percent(idle.value, 1)}{_arrow(data, idle.value)}" if idle.value is not None else "idle n/a")
    if data.fuel.purchase_count or data.exceptions:
        parts.append(fuel_flags(data))
    # A header is one line, whatever the ids that came in by message hold.
    return " ".join(" · ".join(parts).split())


def fuel_flags(data: DailyData) -> str:
    """Return `2 fuel flags`, or what is known instead."""
    if data.exceptions:
        return counted(len(data.exceptions), "fuel flag")
    return "no fuel flags" if data.fuel.verified_count else "fuel not checked"


def _vans(data: DailyData) -> str:
    fleet = data.fleet
    if fleet.vehicles_available and fleet.available_dispatched:
        return f"{fleet.available_dispatched}/{fleet.vehicles_available} vans"
    return f"{counted(fleet.vehicles_heard, 'vehicle')} heard"


def _arrow(data: DailyData, idle: float | None) -> str:
    before = usual(data.history, lambda fleet: fleet.idle_share)
    if before is None or idle is None:
        return ""
    points = round(100 * (idle - before), 1)
    return f" ({'▲' if points > 0 else '▼'}{abs(points):.1f})" if points else " (±0)"


def history_label(data: DailyData) -> str:
    """Return what differences are measured against, `the median of the last 4 Thursdays heard`."""
    weekday = f"{data.service_date:%A}"
    if len(data.history) == 1:
        return f"{weekday} {day(data.history[0].service_date)[4:]}"
    return f"the median of the last {len(data.history)} {weekday}s heard"


def verdict(data: DailyData, *, is_clear: bool, units: Units) -> str:
    """Return one or two sentences: the largest known cost and who made it, then the fuel flags."""
    if not data.fleet.is_heard:
        first = _poorly_heard(data)
    elif is_clear:
        first = f"All clear: {_routes_run(data)}, and nothing needs attention."
    else:
        costs = [(idle_cost(data) or 0.0, _idling), (overrun_cost(data) or 0.0, _overruns)]
        cost, sentence = max(costs, key=lambda candidate: candidate[0])
        first = sentence(data) if cost > 0 else _without_cost(data, units)
    return f"{first} {_flag_sentence(data)}".strip()


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


def _idling(data: DailyData) -> str:
    cost, currency = data.fleet.idle_cost or 0.0, data.fleet.currency
    before = usual(data.history, lambda fleet: fleet.idle_cost)
    if before is None:
        compared = f"{minutes(data.fleet.idle_s)} of engine-on standing"
    else:
        gap = cost - before
        side = "above" if gap >= 0 else "below"
        compared = f"{money(abs(gap), currency)} {side} your 4-week {data.service_date:%A} median"
    top = [van for van in data.vehicles if van.idle_s > 0][:3]
    made = sum(van.idle_s for van in top) / data.fleet.idle_s
    names = listed([van.vehicle_id for van in top])
    tail = f"; {names} made {percent(made)} of it" if len(data.vehicles) > len(top) else ""
    return f"Idling cost {money(cost, currency)}, {compared}{tail}."


def _overruns(data: DailyData) -> str:
    over = sorted(((overrun_s(route) or 0.0, route) for route in data.routes), key=lambda pair: -pair[0])
    late = [pair for pair in over if pair[0] > 0]
    total_s, (worst_s, worst) = sum(seconds for seconds, _ in late), late[0]
    return (
        f"{counted(len(late), 'route')} ran {minutes(total_s)} over plan, about "
        f"{money(overrun_cost(data), data.fleet.currency)} in wages; {worst.route_id} ({worst.vehicle_id}) "
        f"made {minutes(worst_s)} of it."
    )


def _poorly_heard(data: DailyData) -> str:
    silent = sorted(data.vehicles, key=lambda van: -van.unknown_s)[:3]
    names = listed([van.vehicle_id for van in silent if van.unknown_s > 0])
    heard = f"Only {percent(data.fleet.coverage)} of the day was heard"
    return f"{heard}, so ratios are not shown; the longest silence was on {names}."


def _without_cost(data: DailyData, units: Units) -> str:
    fleet = data.fleet
    known = f"{_routes_run(data)}, {distance(fleet.distance_m, units)} in all"
    idle = idle_share(data)
    if lacks_ignition(data.vehicles):
        return f"{known}; no ignition signal was received, so idling cannot be told from parking."
    if idle.value is None:
        return f"{known}; idling is {idle.reason}."
    return f"{known}; {minutes(fleet.idle_s)} of idling, {percent(idle.value, 1)} of engine-on time, has no price set."


def _routes_run(data: DailyData) -> str:
    fleet = data.fleet
    if fleet.routes_planned:
        return f"{fleet.routes_run} of {counted(fleet.routes_planned, 'planned route')} ran"
    if fleet.routes_run:
        return f"{counted(fleet.routes_run, 'route')} ran"
    return f"{counted(fleet.vehicles_heard, 'vehicle')} heard"


def _flag_sentence(data: DailyData) -> str:
    if not data.exceptions:
        return ""
    purchases = {row.purchase_key: row.net or 0.0 for row in data.exceptions}
    amount = sum(purchases.values())
    worth = f" ({money(amount, data.exceptions[0].currency)})" if amount else ""
    verb = "has a flag" if len(purchases) == 1 else "have flags"
    return f"{counted(len(purchases), 'fuel purchase')}{worth} {verb} to look at."
