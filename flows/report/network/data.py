"""What were the figures of the network and of each depot in the last week that is over?"""

from collections import Counter
from datetime import date
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from flows.report.data import MIN_COVERAGE, NothingToReport
from flows.report.queries import rows
from flows.report.rendered import Period, week_period
from warehouse.connection import open_database


class NothingThatWeek(NothingToReport):
    """No week of the network ended in the period."""

    def __init__(self, period: Period, last_date: date | None) -> None:
        super().__init__("", period.first, last_date)
        hint = f"the newest week before it begins {last_date}" if last_date else "nor any week before it"
        self.args = (f"no week of the network that ended from {period.first} to {period.last} is published, {hint}",)


class Estimate(NamedTuple):
    """A ratio of all fleets in one week: of how many van-days or route-days, and between which bounds (95 %)."""

    date_from: date
    measure: str
    unit: str
    unit_count: int
    value: float | None
    ci_low: float | None
    ci_high: float | None
    standard_error: float | None
    currency: str | None


class DepotEstimate(NamedTuple):
    """A ratio of one depot in the week; `rank` is None where too little is known."""

    tenant_id: str
    depot_id: str
    measure: str
    unit: str
    unit_count: int
    value: float | None
    ci_low: float | None
    ci_high: float | None
    standard_error: float | None
    engine_coverage: float | None
    currency: str | None
    rank: int | None
    ranked_count: int | None
    value_before: float | None
    standard_error_before: float | None


class Sizes(NamedTuple):
    """How large the network was in the week."""

    tenant_count: int
    van_days: int
    routes_run: int
    coverage: float | None


class Depot(NamedTuple):
    """All figures of one depot, by measure; its label is its id, with the tenant's where several have such a depot."""

    tenant_id: str
    depot_id: str
    label: str
    figures: dict[str, DepotEstimate]

    @property
    def coverage(self) -> float | None:
        """How much of the time of its vans is known."""
        heard = self.figures.get("coverage")
        return heard.value if heard else None


class NetworkData(NamedTuple):
    """Everything the report says; `weeks` has the figures of all fleets by measure, oldest week first."""

    period: Period
    min_coverage: float
    sizes: Sizes
    weeks: dict[str, list[Estimate]]
    depots: list[Depot]

    def now(self, measure: str) -> Estimate | None:
        """Return a figure of all fleets in the week."""
        last = self.weeks.get(measure, [])[-1:]
        return last[0] if last and last[0].date_from == self.period.first else None

    def before(self, measure: str) -> Estimate | None:
        """Return it in the week before, if in the same currency."""
        now = self.now(measure)
        for earlier in self.weeks.get(measure, []):
            if now and (now.date_from - earlier.date_from).days == 7 and earlier.currency == now.currency:
                return earlier
        return None


class _Newest(NamedTuple):
    date_from: date | None


def read_network(published: Path, period: Period, *, min_coverage: float = MIN_COVERAGE) -> NetworkData:
    """Read the newest week that was over by the end of a period; raises `NothingThatWeek` where it ended before it."""
    text = resources.files("flows.report").joinpath("sql", "network", "weeks.sql").read_text(encoding="utf-8")
    with open_database(published, read_only=True) as connection:
        # In the copy for all it is a view over every van-day: asked once.
        connection.execute(f"create temp table report_weeks as {text}", {"last": period.last})
        newest = rows(connection, "network/last_week", _Newest)[0].date_from
        week = week_period(newest, newest.isoweekday()) if newest else None
        if week is None or week.last < period.first:
            raise NothingThatWeek(period, newest)
        weeks: dict[str, list[Estimate]] = {}
        for estimate in rows(connection, "network/network", Estimate, first=week.first):
            weeks.setdefault(estimate.measure, []).append(estimate)
        depots = _depots(rows(connection, "network/depots", DepotEstimate, first=week.first))
        sizes = rows(connection, "network/sizes", Sizes, first=week.first)[0]
        return NetworkData(week, min_coverage, sizes, weeks, depots)


def _depots(estimates: list[DepotEstimate]) -> list[Depot]:
    """Return the figures depot by depot."""
    found: dict[tuple[str, str], dict[str, DepotEstimate]] = {}
    for estimate in estimates:
        found.setdefault((estimate.tenant_id, estimate.depot_id), {})[estimate.measure] = estimate
    named = Counter(depot_id for _, depot_id in found)
    return [
        Depot(tenant_id, depot_id, depot_id if named[depot_id] == 1 else f"{depot_id} {tenant_id}", figures)
        for (tenant_id, depot_id), figures in found.items()
    ]
