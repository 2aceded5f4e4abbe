"""Which depots have more vans than they need, and which too few?

The numbers are those of the suggestions (`flows.report.finders.vans`): the most vans that were out at one moment, and a
reserve.
"""

from flows.report.actions import VansNeeded
from flows.report.monthly.rows import MonthlyData
from flows.report.style import Style

MOST_DEPOTS = 10
MOST_NAMED = 5
DAYS_A_MONTH = 30


def fleet_size(data: MonthlyData, style: Style) -> list[str]:
    """Return a sentence for each depot that should have more vans or fewer, the farthest off first."""
    known = [depot for depot in data.needed if not depot.refusal]
    off = sorted((depot for depot in known if depot.surplus), key=lambda depot: -abs(depot.surplus))
    said = [_sentence(depot, data, style) for depot in off[:MOST_DEPOTS]]
    if len(off) > MOST_DEPOTS:
        said.append(f"{style.counted(len(off) - MOST_DEPOTS, 'more depot')} should have other numbers of vans.")
    right = len(known) - len(off)
    if right:
        whose = _name(known[0]) if len(known) == 1 else style.counted(right, "depot")
        verb = "has" if right == 1 else "have"
        said.append(f"{whose} {verb} as many vans as needed: the most that were out at once, and a reserve.")
    refused = [depot for depot in data.needed if depot.refusal]
    if refused:
        names = ", ".join(_name(depot) for depot in refused[:MOST_NAMED])
        said.append(f"Nothing can be said of {names}: {refused[0].refusal}.")
    return said or ["How many vans are needed is not known: no van was out."]


def _sentence(depot: VansNeeded, data: MonthlyData, style: Style) -> str:
    days = style.counted(depot.date_count, "day")
    needed = (
        f"{_name(depot)} needs {style.counted(depot.needed, 'van')}: {style.number(depot.peak)} were out at once on "
        f"{style.day(depot.peak_date)}, and {style.number(depot.reserve)} in reserve (n = {days})."
    )
    if depot.surplus < 0:
        return f"{needed} It has {style.number(depot.available)}: {_lacking(depot, data, style)}."
    names = ", ".join(van.vehicle_id for van in depot.least_used[:MOST_NAMED])
    costs = [van.cost_per_day for van in depot.least_used]
    saving = sum(cost for cost in costs if cost is not None) * DAYS_A_MONTH
    worth = f", about {style.money(saving, data.month.currency)} a month" if saving and None not in costs else ""
    return (
        f"{needed} It has {style.number(depot.available)}: {style.number(depot.surplus)} could go{worth}; "
        f"least used: {names}."
    )


def _lacking(depot: VansNeeded, data: MonthlyData, style: Style) -> str:
    """Say what is lacking and what it would cost: vans, or only a reserve, which somebody may choose to do without."""
    more, spare = -depot.surplus, depot.available - depot.peak
    cost = ""
    if depot.cost_per_day:
        cost = f"about {style.money(more * depot.cost_per_day * DAYS_A_MONTH, data.month.currency)} a month"
    if spare < 0:
        return f"add {style.number(more)}{cost and f', {cost}'}"
    left = f"only {style.counted(spare, 'van')} in reserve" if spare else "no reserve"
    whole = f"{left} when {'all ' if not spare else ''}{style.number(depot.peak)} are out"
    return f"{whole}; {style.number(more)} more would cost {cost}" if cost else whole


def _name(depot: VansNeeded) -> str:
    return f"Depot {depot.depot_id}" if depot.depot_id else "The fleet of no known depot"
