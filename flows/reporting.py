"""What does `odograph report` do? It renders a report for each tenant asked for, and sends it once or writes it."""

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.post.due import send_now
from flows.post.mail import EXCEPTIONS
from flows.post.recipients import Recipient, as_tenant_reads, read_tenants
from flows.querying import open_published
from flows.report.data import NothingToReport
from flows.report.kinds import KINDS, Asked
from flows.report.rendered import Period
from flows.report.save import save
from flows.report.style import Style
from flows.report.units import METRIC, US
from flows.settings import Settings

DAYS = """
select tenant_id, coalesce($day, max(service_date))
from marts.fleet_days
where coalesce(tenant_id = $tenant, true) and coalesce(service_date = $day, true)
group by tenant_id
order by tenant_id
"""
NOBODY = "owner@localhost"  # whom the .eml files are addressed to where there are no recipients

logger = logging.getLogger(__name__)


class NoReportDue(Exception):
    """The published copy holds nothing for that tenant and date, or the period is not over."""


class NotOfOneTenant(Exception):
    """A report about all tenants was asked for one."""


class ReportsFailed(Exception):
    """Some tenants have no report; the others have. `failures` pairs a tenant with what went wrong."""

    def __init__(self, lines: list[str], failures: list[tuple[str, Exception]]) -> None:
        self.lines, self.failures = lines, failures
        super().__init__("\n".join([*lines, *(f"{_whose(tenant)}: {error}" for tenant, error in failures)]))


def run_report(
    settings: Settings,
    kind: str,
    *,
    day: date | None,
    tenant: str | None,
    send: bool,
    out: Path | None,
    units: str | None = None,
    locale: str | None = None,
) -> list[str]:
    """Render the report of the period a service date falls in (unset: each tenant's newest) for a tenant (unset: each).

    What is written is in the tenant's units and locale where none are said; what is sent in those of each recipient.
    Only periods that are over are sent; where no day is given that is the last whole one.

    Returns a line for each thing written or sent. What goes wrong for one tenant stops no other; ReportsFailed is
    raised at the end.
    """
    if tenant and KINDS[kind].audience == "network":
        raise NotOfOneTenant(f"the {kind} report is about all tenants: leave out --tenant")
    _style(Style(), units, locale)  # a locale that is none is so for every tenant
    with open_published(settings.published_path) as published:
        days = published.execute(DAYS, {"day": day, "tenant": tenant}).fetchall()
    if days and KINDS[kind].audience == "network":
        days = [("", max(service_date for _, service_date in days))]
    if not days:
        about = f" of tenant {tenant}" if tenant else ""
        raise NoReportDue(f"nothing is published{about} for {day or 'any date'}")
    usual = {
        found.tenant_id: as_tenant_reads(Recipient("", kind, found.tenant_id, "", ""), found).style
        for found in read_tenants(settings.published_path)
    }
    lines: list[str] = []
    failures: list[tuple[str, Exception]] = []
    for tenant_id, service_date in days:
        try:
            style = _style(usual.get(tenant_id, Style()), units, locale)
            period = KINDS[kind].period_of(service_date)
            if send and kind != EXCEPTIONS:
                period = _whole(settings, kind, period, is_asked=day is not None)
            # Of exceptions a date is the last one; without it nothing is left out that came since.
            lines += _reported(settings, kind, tenant_id, period, style, until=day, send=send, out=out)
        except NothingToReport as nothing:
            if kind != EXCEPTIONS:
                failures.append((tenant_id, nothing))
            else:
                lines.append(f"tenant {tenant_id}: {nothing}")
        except NoReportDue:
            raise
        except Exception as error:
            logger.exception("no report for tenant %s", tenant_id)
            failures.append((tenant_id, error))
    if failures:
        raise ReportsFailed(lines, failures)
    return lines


def _whole(settings: Settings, kind: str, period: Period, *, is_asked: bool) -> Period:
    """Return the period if it is over, else the one before: each leaves once, and half a week would be all of it."""
    if period.last < datetime.now(ZoneInfo(settings.timezone)).date():
        return period
    if is_asked:
        raise NoReportDue(f"{period.key} is not over; what is sent leaves once: leave --send out, or wait for its end")
    return KINDS[kind].period_before(period.first)


def _reported(
    settings: Settings,
    kind: str,
    tenant_id: str,
    period: Period,
    style: Style,
    *,
    until: date | None,
    send: bool,
    out: Path | None,
) -> list[str]:
    report = KINDS[kind].render(
        Asked(
            settings.published_path,
            tenant_id,
            period,
            style,
            settings.min_coverage,
            contact=settings.asked_at,
            at_utc=datetime.now(UTC),
            until=until,
        )
    )
    written = save(report, out if out is not None else settings.reports_dir)
    lines = [f"{report.subject}: {written[0]}"]
    if not send:
        return lines
    delivery = send_now(settings, kind, tenant_id, period, nobody=NOBODY, until=until)
    return lines + [f"{_whose(tenant_id)}: {line}" for line in delivery.lines()]


def _style(usual: Style, units: str | None, locale: str | None) -> Style:
    said = {"us": US, "metric": METRIC, None: usual.units}[units]
    return Style(said, locale.replace("-", "_") if locale else usual.locale).checked()


def _whose(tenant_id: str) -> str:
    return f"tenant {tenant_id}" if tenant_id else "network"
