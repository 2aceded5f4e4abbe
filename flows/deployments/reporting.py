"""How does Prefect send reports? Those that are due, or one that somebody asks for."""

from datetime import date
from enum import StrEnum

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.deployments.alerts import tell_failure, tell_recovery
from flows.deployments.refreshing import refresh_flow
from flows.deployments.running import VERSION, day_before, scheduled_local, waiting_helps
from flows.deployments.shown import show_reports
from flows.report.kinds import KINDS
from flows.reporting import NoReportDue, run_report
from flows.settings import Settings

TIMEOUT_S = 3600.0
ReportName = StrEnum("ReportName", {name: name for name in KINDS})  # type: ignore[misc]


@task(
    name="report",
    task_run_name="{report} report",
    retries=5,
    retry_delay_seconds=60,
    retry_condition_fn=waiting_helps,
    cache_policy=NO_CACHE,
)
def report_task(report: str, day: date | None, tenant: str | None, send: bool) -> list[str]:
    """Render and send, each mail once."""
    return run_report(Settings.read(), report, day=day, tenant=tenant, send=send, out=None)


def _name() -> str:
    given = flow_run.parameters or {}
    asked = f"{given['report']} report" if given.get("report") else "reports"
    return f"{asked} {scheduled_local(Settings.read().timezone):%Y-%m-%d %H:%M}"


@flow(
    name="odograph-reports",
    version=VERSION,
    flow_run_name=_name,
    timeout_seconds=TIMEOUT_S,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_completion=[tell_recovery],
)
def reports_flow(
    report: ReportName | None = None, day: date | None = None, tenant: str | None = None, send: bool = True
) -> list[str]:
    """Send the reports that are due, each once; or one that is asked for.

    Args:
        report: Render this report. Empty: refresh, then yesterday's daily report.
        day: A service date of its period. Empty: the newest of each tenant.
        tenant: Only this tenant. Empty: each of them, or ODOGRAPH_REPORT_TENANT.
        send: Send it, once; otherwise it is only written to the folder of reports.
    """
    settings = Settings.read()
    if report is None:
        # Yesterday is taken from the scheduled time, not from now: a run may start late.
        day = day or day_before(scheduled_local(settings.timezone), settings.timezone)
        refresh_flow()
    try:
        lines = report_task((report or ReportName("daily")).value, day, tenant or settings.report_tenant, send)
    except NoReportDue as nothing:
        get_run_logger().warning("no report: %s", nothing)
        lines = [f"no report: {nothing}"]
    show_reports(settings, lines)
    return lines
