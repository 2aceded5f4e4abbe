"""Which numbers of the daily report do people act on, and how far must one move to be worth a correction?"""

from math import inf

from flows.report.measures import fleet_economy, idle_cost, idle_share, on_time_starts, route_utilization
from flows.report.rendered import Headline
from flows.report.rows import DailyData
from flows.report.style import Style

# [P] Smaller moves change no decision; late data of a few minutes moves every number a little.
IDLE_SHARE_MOVE = 0.02  # of engine-on time
UTILIZATION_MOVE = 0.02  # of planned time
START_SHARE_MOVE = 0.05  # of starts
IDLE_COST_MOVE = 0.10  # of the cost itself
ECONOMY_MOVE = 0.05  # of the economy itself
ROUTES_MOVE = FLAGS_MOVE = 1.0  # routes, flags


def headlines(data: DailyData, style: Style) -> tuple[Headline, ...]:
    """Return the six tiles and the idle cost as numbers; one that may not be shown has no value."""
    fleet, cost = data.fleet, idle_cost(data)
    economy = fleet_economy(fleet, style.units).value
    shares = [
        ("Route utilization", route_utilization(fleet).value, UTILIZATION_MOVE),
        ("Idle share", idle_share(data).value, IDLE_SHARE_MOVE),
        ("On-time start", on_time_starts(fleet).value, START_SHARE_MOVE),
    ]
    return (
        Headline("Routes run", fleet.routes_run, style.number(fleet.routes_run), ROUTES_MOVE),
        *(Headline(name, value, style.percent(value, 1), move) for name, value, move in shares),
        Headline("Idle cost", cost, style.money(cost, fleet.currency), _part(cost, IDLE_COST_MOVE)),
        Headline(
            "Fuel economy",
            economy,
            f"{style.number(economy, 1)} {style.units.economy}",
            _part(economy, ECONOMY_MOVE),
        ),
        Headline("Fuel flags", fleet.fuel_flag_count, style.number(fleet.fuel_flag_count), FLAGS_MOVE),
    )


def _part(value: float | None, part: float) -> float:
    return inf if value is None else part * abs(value)
