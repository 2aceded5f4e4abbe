"""How many vans does each depot need, and which could go?

Needed is the most that were out at one moment in at least four weeks, and a reserve of a tenth, at least one. The
opposite, a depot with too few, comes out of the same numbers with a minus.
"""

from datetime import date, timedelta
from math import ceil
from typing import NamedTuple

import duckdb

from flows.report.finders.found import Action, Question, Weighed
from flows.report.rendered import Period
from flows.report.style import Style

WEEKS = 4
RESERVE_SHARE, LEAST_RESERVE = 0.10, 1
LEAST_DATES = 16  # with vans out; four a week
LEAST_SPAN_DAYS = 22  # from the first of them to the last: three whole weeks and a day
LIKELY_DATES = 20
AVAILABLE_DATES = 7  # a van must have been available on each of the last so many dates with vans out
LOADING_S = 1800  # a van that is back stands in for another one after this


class Van(NamedTuple):
    """A van that is available, and how much it was used; `cost_per_day` is what having it costs."""

    depot_id: str | None
    vehicle_id: str
    day_count: int
    engine_on_s: float
    cost_per_day: float | None


class VansNeeded(NamedTuple):
    """Vans of one depot (None: of no known depot) over four weeks or longer.

    peak          most vans out at one moment on any date, and that date
    typical_peak  median over the dates
    reserve       a tenth of the peak, at least one
    available     vans that were available on each of the last dates, those that were never heard left out
    surplus       available beyond peak and reserve; negative: too few
    least_used    as many vans as are beyond, the least used first
    refusal       why nothing can be said of it; empty: it can
    cost_per_day  of one more van: the mean of those of it whose cost is known
    """

    depot_id: str | None
    first: date
    last: date
    date_count: int
    peak: int
    peak_date: date
    typical_peak: int
    reserve: int
    available: int
    unheard: int
    surplus: int
    least_used: list[Van]
    refusal: str
    cost_per_day: float | None

    @property
    def needed(self) -> int:
        """Vans to keep."""
        return self.peak + self.reserve


class _Peak(NamedTuple):
    depot_id: str | None
    service_date: date
    peak: int
    available_count: int
    unheard_count: int


class _Money(NamedTuple):
    currency: str | None


def vans_needed(connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period) -> list[VansNeeded]:
    """Return what each depot needs, over the period and at least the four weeks up to its end."""
    first = min(period.first, period.last - timedelta(days=7 * WEEKS - 1))
    asked = Question(connection, tenant_id, period).over(first, period.last)
    peaks: dict[str | None, list[_Peak]] = {}
    for row in asked.rows("van_peaks", _Peak, loading_s=LOADING_S):
        peaks.setdefault(row.depot_id, []).append(row)
    vans = asked.rows("van_use", Van) if peaks else []
    return [
        _needed(first, period.last, rows, [van for van in vans if van.depot_id == depot_id], depot_count=len(peaks))
        for depot_id, rows in sorted(peaks.items(), key=lambda each: (each[0] is None, each[0] or ""))
    ]


def weigh_vans(asked: Question, style: Style) -> list[Weighed]:
    """Return for each depot with vans beyond its need the suggestion to give them back, or why not."""
    (money,) = asked.rows("currency", _Money)
    return [
        Weighed(_action(need, money.currency, style), need.refusal)
        for need in vans_needed(asked.connection, asked.tenant_id, asked.period)
        if need.surplus > 0
    ]


def _needed(first: date, last: date, rows: list[_Peak], vans: list[Van], *, depot_count: int) -> VansNeeded:
    highest = max(rows, key=lambda row: (row.peak, row.service_date))
    reserve = max(LEAST_RESERVE, ceil(RESERVE_SHARE * highest.peak))
    lately = rows[-AVAILABLE_DATES:]
    available = min(row.available_count for row in lately)
    surplus = available - highest.peak - reserve
    costs = [van.cost_per_day for van in vans if van.cost_per_day is not None]
    return VansNeeded(
        depot_id=highest.depot_id,
        first=first,
        last=last,
        date_count=len(rows),
        peak=highest.peak,
        peak_date=highest.service_date,
        typical_peak=sorted(row.peak for row in rows)[len(rows) // 2],
        reserve=reserve,
        available=available,
        unheard=max(row.unheard_count for row in lately),
        surplus=surplus,
        least_used=vans[: max(0, surplus)],
        refusal=_refusal(rows, depot_count),
        cost_per_day=sum(costs) / len(costs) if costs else None,
    )


def _refusal(rows: list[_Peak], depot_count: int) -> str:
    if len(rows) < LEAST_DATES or (rows[-1].service_date - rows[0].service_date).days + 1 < LEAST_SPAN_DAYS:
        return f"dates with vans out: {len(rows)}; {LEAST_DATES} in {WEEKS} weeks are needed to judge"
    if rows[0].depot_id is None and depot_count > 1:
        return "vans of no known depot may stand in for those of another one"
    return ""


def _action(need: VansNeeded, currency: str | None, style: Style) -> Action:
    place = f"depot {need.depot_id}" if need.depot_id else "the fleet"
    days_a_week = need.date_count * 7 / ((need.last - need.first).days + 1)
    costs = [van.cost_per_day for van in need.least_used if van.cost_per_day is not None]
    saving = sum(costs) * days_a_week if costs else None
    spare = style.counted(need.surplus, "van")
    formula = (
        f"{need.available} available − {need.peak} out at once at most − {need.reserve} in reserve = {need.surplus}"
    )
    if costs:
        formula += (
            f"; {style.money(sum(costs), currency, cents=True)} a day for {style.counted(len(costs), 'van')}"
            f" × {style.number(days_a_week, 1)} working days a week"
        )
    else:
        formula += "; no cost of a van is known: import vehicles with fixed_cost_per_day to see money here"
    evidence = [
        f"most at one moment: {need.peak} on {style.day(need.peak_date)}; on the median of"
        f" {need.date_count} dates {need.typical_peak}",
        "least used: " + style.listed([_use(van, need, style) for van in need.least_used]),
    ]
    if need.unheard:
        evidence.append(f"{style.counted(need.unheard, 'van')} never heard and not counted")
    if costs and len(costs) < need.surplus:
        evidence.append(f"cost known for {len(costs)} of {need.surplus}")
    return Action(
        kind="vans",
        title=f"Give back or move {spare} of {place}",
        saving=saving,
        saving_text=(
            f"{style.money(saving, currency)} a week" if saving is not None else f"{spare} every week, cost not known"
        ),
        why=(
            f"Never more than {need.peak} of {need.available} vans were out at once in"
            f" {style.counted(round(((need.last - need.first).days + 1) / 7), 'week')}."
        ),
        evidence=evidence,
        formula=formula,
        n=need.date_count,
        confidence="likely" if need.date_count >= LIKELY_DATES else "possible",
        changes="a season with more routes; vans due for the workshop; a lease that cannot be ended",
    )


def _use(van: Van, need: VansNeeded, style: Style) -> str:
    return f"{van.vehicle_id} ({van.day_count} of {need.date_count} days, {style.minutes(van.engine_on_s)} engine on)"
