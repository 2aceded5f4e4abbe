"""How does Prefect send reports? It asks often what is due; or it renders one that somebody asks for."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.deployments.running import TOLD, retried, scheduled_local
from flows.deployments.shown import show_reports
from flows.post.due import post_due
from flows.report.kinds import KINDS
from flows.reporting import run_report
from flows.settings import Settings

TIMEOUT_S = 3600.0
ReportName = StrEnum("ReportName", {name: name for name in KINDS})  # type: ignore[misc]


class PostFailed(Exception):
    """Some mails need a person; all others left or are tried again."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


@task(name="post what is due", task_run_name="post what is due", cache_policy=NO_CACHE)
def post_task(at: datetime) -> tuple[list[str], tuple[str, ...]]:
    """Each mail once; what a server does not take waits in the outbox for a later run, and needs no retry here."""
    posted = post_due(Settings.read(), at)
    return posted.lines(), posted.problems


@task(name="report", task_run_name="{report} report", **retried(5, 60))
def report_task(report: str, day: date | None, tenant: str | None, send: bool) -> list[str]:
    """Render and send, each mail once."""
    return run_report(Settings.read(), report, day=day, tenant=tenant, send=send, out=None)


def _name() -> str:
    given = flow_run.parameters or {}
    asked = f"{given['report']} report" if given.get("report") else "reports"
    return f"{asked} {scheduled_local(Settings.read().timezone):%Y-%m-%d %H:%M}"


@flow(name="odograph-reports", flow_run_name=_name, timeout_seconds=TIMEOUT_S, **TOLD)
def reports_flow(
    report: ReportName | None = None, day: date | None = None, tenant: str | None = None, send: bool = True
) -> list[str]:
    """Send the reports that are due, each once; or one that is asked for.

    Args:
        report: Render this report. Empty: what is due by the recipients' schedules.
        day: A service date of its period. Empty: the newest of each tenant.
        tenant: Only this tenant. Empty: each of them, or ODOGRAPH_REPORT_TENANT.
        send: Send it, once; otherwise it is only written to the folder of reports.
    """
    settings = Settings.read()
    problems: tuple[str, ...] = ()
    if report is None:
        lines, problems = post_task(due_at(flow_run.scheduled_start_time, datetime.now(UTC)))
    else:
        usual = settings.report_tenant if KINDS[report.value].audience == "tenant" else None
        lines = report_task(report.value, day, tenant or usual, send)
    for line in lines:
        get_run_logger().info(line)
    show_reports(settings, lines)
    if problems:
        raise PostFailed(problems)
    return lines


def due_at(scheduled: datetime | None, now: datetime) -> datetime:
    """The instant to ask for: Prefect may start a run some seconds before its time, and what is due then is meant."""
    return max(now, datetime.fromtimestamp((scheduled or now).timestamp(), UTC))
