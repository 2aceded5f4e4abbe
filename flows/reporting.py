"""What does `odograph report` do? It renders a report for each tenant asked for, and sends it once or writes it."""

import logging
from datetime import date
from pathlib import Path

from flows.post.due import send_now
from flows.post.mail import EXCEPTIONS
from flows.querying import open_published
from flows.report.data import NothingToReport
from flows.report.kinds import KINDS, Asked
from flows.report.save import save
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
    """The published copy holds nothing for that tenant and date."""


class ReportsFailed(Exception):
    """Some tenants have no report; the others have. `failures` pairs a tenant with what went wrong."""

    def __init__(self, lines: list[str], failures: list[tuple[str, Exception]]) -> None:
        self.lines, self.failures = lines, failures
        super().__init__("\n".join([*lines, *(f"{tenant}: {error}" for tenant, error in failures)]))


def run_report(
    settings: Settings, kind: str, *, day: date | None, tenant: str | None, send: bool, out: Path | None
) -> list[str]:
    """Render the report of the period a service date falls in (unset: each tenant's newest) for a tenant (unset: each).

    Returns a line for each thing written or sent. What goes wrong for one tenant stops no other; ReportsFailed is
    raised at the end.
    """
    with open_published(settings.published_path) as published:
        days = published.execute(DAYS, {"day": day, "tenant": tenant}).fetchall()
    if days and KINDS[kind].audience == "network":
        days = [("", max(service_date for _, service_date in days))]
    if not days:
        about = f" of tenant {tenant}" if tenant else ""
        raise NoReportDue(f"nothing is published{about} for {day or 'any date'}")
    lines: list[str] = []
    failures: list[tuple[str, Exception]] = []
    for tenant_id, service_date in days:
        try:
            lines += _reported(settings, kind, tenant_id, service_date, send=send, out=out)
        except NothingToReport as nothing:
            if kind != EXCEPTIONS:
                failures.append((tenant_id, nothing))
            else:
                lines.append(f"tenant {tenant_id}: {nothing}")
        except Exception as error:
            logger.exception("no report for tenant %s", tenant_id)
            failures.append((tenant_id, error))
    if failures:
        raise ReportsFailed(lines, failures)
    return lines


def _reported(
    settings: Settings, kind: str, tenant_id: str, service_date: date, *, send: bool, out: Path | None
) -> list[str]:
    period = KINDS[kind].period_of(service_date)
    report = KINDS[kind].render(Asked(settings.published_path, tenant_id, period, min_coverage=settings.min_coverage))
    written = save(report, out if out is not None else settings.reports_dir)
    lines = [f"{report.subject}: {written[0]}"]
    if not send:
        return lines
    delivery = send_now(settings, kind, tenant_id, period, nobody=NOBODY)
    return lines + [f"tenant {tenant_id}: {line}" for line in delivery.lines()]
