"""Which reports are there, about which days, for whom, and when by default?

A report is added here in one line. What renders it is named, not imported: pictures and templates take longer to import
than most commands take to run.
"""

from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple, cast

from flows.report.rendered import Period, Report, day_period, month_period, week_period
from flows.report.style import Style

ALL_FORMATS = frozenset({"html", "text", "xlsx", "csv"})


class Asked(NamedTuple):
    """What a report is asked about: a tenant (empty: all of them, for the operator), a period, and in which style.

    `told` are ids of exceptions the reader knows already; below `min_coverage` (0 to 1) ratios read n/a; `contact` is
    where readers ask about the data. Exceptions know by `at_utc`, the time by the clock, that a date is over, and leave
    out dates after `until`.
    With `names_tenant` the subject begins with the tenant: the reader has several. Only what `formats` names is
    attached.
    """

    published: Path
    tenant_id: str
    period: Period
    style: Style = Style()
    min_coverage: float = 0.80
    told: frozenset[str] = frozenset()
    contact: str | None = None
    at_utc: datetime | None = None
    until: date | None = None
    names_tenant: bool = False
    formats: frozenset[str] = ALL_FORMATS


class Kind(NamedTuple):
    """One kind of report; `cron` is when it is sent where a recipient says nothing else, in the recipient's zone."""

    name: str
    title: str
    audience: Literal["tenant", "network"]
    periods: Literal["day", "week", "month"]
    cron: str
    renderer: str  # module:function, Asked -> Report

    def render(self, asked: Asked) -> Report:
        """Render it; raises `flows.report.data.NothingToReport` where there is nothing to say."""
        module, _, function = self.renderer.partition(":")
        return cast("Report", getattr(import_module(module), function)(asked))

    def period_of(self, day: date) -> Period:
        """Return the period a date falls in."""
        return {"day": day_period, "week": week_period, "month": month_period}[self.periods](day)

    def period_before(self, day: date) -> Period:
        """Return the last whole period that ended before a date."""
        return self.period_of(self.period_of(day).first - timedelta(days=1))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("daily", "Daily report", "tenant", "day", "0 6 * * *", "flows.report.daily:render"),
        Kind("weekly", "Weekly report", "tenant", "week", "0 6 * * 1", "flows.report.weekly.page:render"),
        Kind("monthly", "Monthly report", "tenant", "month", "0 7 1 * *", "flows.report.monthly.page:render"),
        Kind("network", "Network report", "network", "week", "0 7 * * 1", "flows.report.network.page:render"),
        Kind("exceptions", "Exceptions", "tenant", "day", "*/15 * * * *", "flows.report.exceptions_report:render"),
    )
}
