"""What three things should be done next, and what would each save in a week?

Everything found is weighed: `considered` tells what was taken and what was left, and why; `actions` are those taken.
Without enough evidence there are fewer than three, or none.
"""

from typing import NamedTuple

import duckdb

from flows.report.finders.found import Action, Question
from flows.report.finders.hot_spots import weigh_hot_spots
from flows.report.finders.peers import weigh_idle_peers
from flows.report.finders.stations import weigh_stations
from flows.report.finders.vans import VansNeeded, vans_needed, weigh_vans
from flows.report.rendered import Period
from flows.report.style import Style

__all__ = ["Action", "Considered", "VansNeeded", "actions", "considered", "vans_needed"]

MOST = 3
LEAST_SAVING = 2.0  # money a week; less is not worth the reading
FINDERS = (weigh_hot_spots, weigh_vans, weigh_stations, weigh_idle_peers)


class Considered(NamedTuple):
    """What was weighed: taken or left, and why it was left."""

    action: Action
    is_taken: bool
    reason: str


def actions(connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period, style: Style) -> list[Action]:
    """Return the best three by saving, for a tenant and any period of a published copy; fewer where little is known."""
    return [each.action for each in considered(connection, tenant_id, period, style) if each.is_taken]


def considered(connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period, style: Style) -> list[Considered]:
    """Return everything weighed, the largest saving first; what has no price comes after what has."""
    asked = Question(connection, tenant_id, period)
    weighed = [each for find in FINDERS for each in find(asked, style)]
    weighed.sort(key=lambda each: _order(each.action))
    found: list[Considered] = []
    taken = 0
    for action, refusal in weighed:
        reason = refusal or _small(action, style) or (f"{MOST} others save more" if taken == MOST else "")
        taken += not reason
        found.append(Considered(action, not reason, reason))
    return found


def _order(action: Action) -> tuple[bool, float, int, str]:
    return action.saving is None, -(action.saving or 0), -action.n, action.title


def _small(action: Action, style: Style) -> str:
    if action.saving is not None and action.saving < LEAST_SAVING:
        return f"less than {style.number(LEAST_SAVING)} a week"
    return ""
