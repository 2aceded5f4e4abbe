"""The flows and their schedules, as Prefect sees them.

A task is a stage or a service date, never a van. What is left to do is in the warehouse, so a run that dies anywhere
is finished by the next one. Retries are for what waiting cures: a full disk, a mail server that is away.
"""

from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, get_run_logger, serve, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.schedules import Cron

from flows.copies import CopiesFailed
from flows.post.mail import MailNotSent
from flows.refresh import (
    REFRESHED,
    Refreshed,
    forget_again,
    is_news,
    learning_dates,
    load,
    publish_copy,
    rebuild,
    stale_dates,
)
from flows.refresh_metrics import write_metrics
from flows.reporting import NoReportDue, ReportsFailed, run_report
from flows.settings import Settings
from flows.upkeep import Upkeep, upkeep
from ingest.lake import Loaded
from warehouse.checks import CheckFailed
from warehouse.connection import WarehouseBusy, writer_lock

RUN_WAIT_S = 1800.0  # a report is worth waiting for the refresh before it


def _waiting_helps(_task: object, _run: object, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    errors = [found for _, found in error.failures] if isinstance(error, ReportsFailed) else [error]
    return any(isinstance(found, WarehouseBusy | MailNotSent | OSError) for found in errors)


@task(name="load", retries=3, retry_delay_seconds=20, retry_condition_fn=_waiting_helps, cache_policy=NO_CACHE)
def load_task(settings: Settings) -> Loaded:
    """Spool to lake; waiting helps with a full disk or an object store that is away."""
    return load(settings)


@task(name="find stale dates", cache_policy=NO_CACHE)
def stale_dates_task(settings: Settings, day: date | None, full: bool) -> list[date]:
    """Which service dates do new rows, plans and imports touch?"""
    return stale_dates(settings, day=day, full=full)


@task(name="rebuild", cache_policy=NO_CACHE)
def rebuild_task(settings: Settings, day: date) -> None:
    """One service date from lake to marts, checked; a failed check is not cured by waiting."""
    rebuild(settings, day)


@task(name="publish", retries=3, retry_delay_seconds=20, retry_condition_fn=_waiting_helps, cache_policy=NO_CACHE)
def publish_task(settings: Settings) -> None:
    """Swap in a fresh copy for readers."""
    publish_copy(settings)


@task(name="report", retries=5, retry_delay_seconds=60, retry_condition_fn=_waiting_helps, cache_policy=NO_CACHE)
def report_task(period: str, day: date | None, tenant: str | None, send: bool) -> list[str]:
    """Render and send, each mail once."""
    return run_report(Settings.read(), period, day=day, tenant=tenant, send=send, out=None)


@task(name="upkeep", retries=5, retry_delay_seconds=60, retry_condition_fn=_waiting_helps, cache_policy=NO_CACHE)
def upkeep_task() -> Upkeep:
    """Housekeeping of lake and spool."""
    return upkeep(Settings.read())


def _rebuild_all(settings: Settings, days: list[date], failed: list[CheckFailed]) -> None:
    for stale in days:
        try:
            rebuild_task(settings, stale)
        except CheckFailed as failure:
            failed.append(failure)


@flow(name="odograph-refresh")
def refresh_flow(day: date | None = None, full: bool = False) -> Refreshed:
    """Load what has arrived, rebuild the service dates it touched, publish them."""
    settings = Settings.read()
    failed: list[CheckFailed] = []
    with writer_lock(settings.lock_path, wait_s=RUN_WAIT_S):
        began_s = monotonic()
        forget_again(settings)
        loaded = load_task(settings)
        days = stale_dates_task(settings, day, full)
        _rebuild_all(settings, days, failed)
        _rebuild_all(settings, learning_dates(settings, [failure.day for failure in failed]), failed)
        has_news = is_news(settings)
        not_copied: CopiesFailed | None = None
        if has_news:
            try:
                publish_task(settings)
            except CopiesFailed as failure:
                not_copied = failure
        (settings.published_dir / REFRESHED).touch()
        write_metrics(settings, len(failed), monotonic() - began_s)
    get_run_logger().info("%s; stale dates: %s", loaded, ", ".join(map(str, days)) or "none")
    if failed:
        raise failed[0]
    if not_copied:
        raise not_copied
    return Refreshed(loaded, days, failed, published=has_news)


@flow(name="odograph-report-daily")
def daily_report_flow(tenant: str | None = None) -> list[str]:
    """Refresh once more, then mail yesterday's report; yesterday is taken from the scheduled time, not from now."""
    settings = Settings.read()
    yesterday = day_before(flow_run.scheduled_start_time, settings.timezone)
    refresh_flow()
    try:
        sent = report_task("daily", yesterday, tenant or settings.report_tenant, True)
    except NoReportDue as nothing:
        get_run_logger().warning("no report: %s", nothing)
        return []
    for line in sent:
        get_run_logger().info(line)
    return sent


def day_before(instant: datetime, timezone: str) -> date:
    """The local date before the one an instant falls on.

    Goes through the Unix time: Prefect's own datetime class loses its zone when something is subtracted from it.
    """
    return datetime.fromtimestamp(instant.timestamp(), ZoneInfo(timezone)).date() - timedelta(days=1)


@flow(name="odograph-upkeep")
def upkeep_flow() -> Upkeep:
    """Merge small files of past dates, delete replaced ones, expire old raw messages."""
    return upkeep_task()


def serve_deployments(settings: Settings) -> None:
    """Keep the deployments until stopped; one run of each at a time."""
    crons: dict[Any, str] = {
        refresh_flow: settings.refresh_cron,
        daily_report_flow: settings.report_cron,
        upkeep_flow: settings.upkeep_cron,
    }
    # Prefect's methods answer either at once or with a coroutine; here, outside any loop, always at once.
    deployments: list[Any] = [
        found.to_deployment(
            name="scheduled",
            schedule=Cron(cron, timezone=settings.timezone),
            concurrency_limit=1,
            tags=["odograph"],
        )
        for found, cron in crons.items()
    ]
    serve(*deployments)
