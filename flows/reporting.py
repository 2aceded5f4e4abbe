"""What does `odograph report` do? It renders a report for each tenant asked for, and sends it once or writes it."""

from datetime import date
from pathlib import Path

from flows.querying import open_published
from flows.report.daily import daily_report
from flows.report.mail import deliver, message
from flows.report.save import save
from flows.settings import Settings

DAY_TENANTS = """
select distinct tenant_id
from marts.fleet_days
where service_date = $day and coalesce(tenant_id = $tenant, true)
order by tenant_id
"""
NEWEST_DAY = "select max(service_date) from marts.fleet_days where coalesce(tenant_id = $tenant, true)"
NOBODY = "owner@localhost"  # whom the .eml files are addressed to where ODOGRAPH_MAIL_TO is not set


class NothingToReport(Exception):
    """The published copy holds nothing for that tenant and date."""


def run_report(
    settings: Settings, period: str, *, day: date | None, tenant: str | None, send: bool, out: Path | None
) -> list[str]:
    """Render the report of a service date (unset: the newest) for a tenant (unset: each); say where it went."""
    assert period == "daily"
    with open_published(settings.published_path) as published:
        if day is None:
            day = published.execute(NEWEST_DAY, {"tenant": tenant}).fetchall()[0][0]
        rows = published.execute(DAY_TENANTS, {"day": day, "tenant": tenant}).fetchall()
    if day is None or not rows:
        about = f" of tenant {tenant}" if tenant else ""
        raise NothingToReport(f"nothing is published{about} for {day or 'any date'}")
    lines = []
    for (tenant_id,) in rows:
        report = daily_report(settings.published_path, tenant_id, day, min_coverage=settings.min_coverage)
        folder = out if out is not None else settings.reports_dir
        written = save(report, folder)
        lines.append(f"{report.subject}: {written[0]}")
        if send:
            sender = settings.mail_from
            mails = [
                message(
                    report,
                    sender=sender,
                    recipient=recipient,
                    unsubscribe=settings.mail_unsubscribe or sender,
                )
                for recipient in settings.recipients or [NOBODY]
            ]
            delivery = deliver(mails, smtp_url=settings.smtp_url, mail_dir=settings.mail_dir)
            lines += delivery.lines()
    return lines
