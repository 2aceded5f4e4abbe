"""Which vans idle far more than others do on the same routes?

A van and not a person: a heater, a weak battery or the place of the stops may be why.
"""

from typing import NamedTuple

from flows.report.data import MIN_COVERAGE
from flows.report.finders.found import Action, Question, Weighed
from flows.report.style import Style

LEAST_EXCESS_S = 1_800  # in the period
LEAST_RATIO = 1.5  # idle time over what is expected
LEAST_DAYS = 3
LEAST_SHARE_OF_DAYS = 2 / 3  # on so many of its days it idles above the others
LEAST_PEERS = 3  # other vans compared with
LIKELY_DAYS = 5


class IdlePeer(NamedTuple):
    """A van above the others: its idling on routes, and what the median of the others would have idled."""

    vehicle_id: str
    day_count: int
    above_count: int
    peer_count: int
    is_same_route: bool
    idle_s: float
    expected_s: float
    excess_s: float
    excess_l: float | None
    excess_cost: float | None
    currency: str | None


def weigh_idle_peers(asked: Question, style: Style) -> list[Weighed]:
    """Return each van that idles far above the others, or why little can be said of it."""
    vans = asked.rows(
        "idle_peers",
        IdlePeer,
        least_excess_s=LEAST_EXCESS_S,
        least_ratio=LEAST_RATIO,
        least_coverage=MIN_COVERAGE,
    )
    return [Weighed(_action(asked, van, style), _refusal(van)) for van in vans]


def _refusal(van: IdlePeer) -> str:
    if van.day_count < LEAST_DAYS:
        return f"heard on {van.day_count} days, {LEAST_DAYS} needed"
    if van.peer_count < LEAST_PEERS:
        return f"only {van.peer_count} other vans to compare with, {LEAST_PEERS} needed"
    if van.above_count < LEAST_SHARE_OF_DAYS * van.day_count:
        return f"above the others on {van.above_count} of {van.day_count} days only"
    return ""


def _action(asked: Question, van: IdlePeer, style: Style) -> Action:
    saving = None if van.excess_cost is None else asked.a_week(van.excess_cost)
    terms = [f"{style.minutes(van.idle_s)} − {style.minutes(van.expected_s)} = {style.minutes(van.excess_s)}"]
    if van.excess_l is not None:
        terms.append(style.volume(van.excess_l))
    if van.excess_cost is not None:
        terms.append(style.money(van.excess_cost, van.currency, cents=True))
    others = "on the same routes" if van.is_same_route else "of the same depot"
    return Action(
        kind="idle_peers",
        title=f"Look into why {van.vehicle_id} idles more than other vans {others}",
        saving=saving,
        saving_text=(
            f"{style.money(saving, van.currency)} a week"
            if saving is not None
            else f"{style.minutes(asked.a_week(van.excess_s))} of idling a week"
        ),
        why=(
            f"{van.vehicle_id} idled {style.minutes(van.idle_s)} on its routes; the median of other vans {others}"
            f" would have been {style.minutes(van.expected_s)}."
        ),
        evidence=[
            f"above the others on {van.above_count} of {style.counted(van.day_count, 'day')}",
            f"compared with {style.counted(van.peer_count, 'van')} or more",
        ],
        formula=" = ".join(terms) + ("" if asked.a_week(1) == 1 else ", brought to a week"),
        n=van.day_count,
        confidence="likely" if van.day_count >= LIKELY_DAYS and van.is_same_route else "possible",
        changes="equipment that needs the engine; stops that differ; partly the same time as a hot spot",
    )
