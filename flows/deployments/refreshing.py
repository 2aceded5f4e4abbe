"""How does Prefect refresh? Stage by stage, each service date a task, and what came of it as artifacts."""

from datetime import date

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.copies import CopiesFailed
from flows.copies_behind import REFRESHED
from flows.deployments.clusters import chosen_runner, runner_of
from flows.deployments.running import TOLD, retried, scheduled_local, writing
from flows.deployments.shown import Progress, newest_load, show_refresh
from flows.loading import load
from flows.refresh import (
    Refreshed,
    forget_again,
    is_news,
    learning_dates,
    left_frozen,
    publish_copy,
    rebuild,
    stale_dates,
)
from flows.refresh_metrics import write_metrics
from flows.settings import Settings
from flows.stages import LOAD, NOTE, PUBLISH, REBUILD, Stages
from ingest.lake import Loaded
from warehouse.checks import CheckFailed

TIMEOUT_S = 6 * 3600.0


@task(name="load", task_run_name="load", **retried(3, 20))
def load_task(settings: Settings) -> Loaded:
    """Spool to lake; waiting helps with a full disk or an object store that is away."""
    return load(settings, runner=chosen_runner())


@task(name="find stale dates", task_run_name="find stale dates", cache_policy=NO_CACHE)
def stale_dates_task(settings: Settings, day: date | None, full: bool) -> list[date]:
    """Which service dates do new rows, plans and imports touch?"""
    return stale_dates(settings, day=day, full=full)


@task(name="rebuild", task_run_name="rebuild {day}", cache_policy=NO_CACHE)
def rebuild_task(settings: Settings, day: date) -> None:
    """One service date from lake to marts, checked; a failed check is not cured by waiting."""
    rebuild(settings, day, runner=chosen_runner())


@task(name="publish", task_run_name="publish", **retried(3, 20))
def publish_task(settings: Settings) -> None:
    """Swap in a fresh copy for readers."""
    publish_copy(settings, runner=chosen_runner())


def _rebuild_all(settings: Settings, days: list[date], failed: list[CheckFailed]) -> list[date]:
    rebuilt = []
    progress = Progress("refresh-progress", "Service dates rebuilt", len(days))
    for stale in days:
        try:
            rebuild_task(settings, stale)
            rebuilt.append(stale)
        except CheckFailed as failure:
            failed.append(failure)
            rebuilt += [stale] if failure.others_rebuilt else []
        progress.step()
    return rebuilt


def _name() -> str:
    settings = Settings.read()
    given = flow_run.parameters or {}
    what = " full" if given.get("full") else f" of {given['day']}" if given.get("day") else ""
    return f"refresh{what} {scheduled_local(settings.timezone):%H:%M}"


@flow(name="odograph-refresh", flow_run_name=_name, timeout_seconds=TIMEOUT_S, **TOLD)
def refresh_flow(day: date | None = None, full: bool = False) -> Refreshed:
    """Load what has arrived, rebuild the service dates it touched, publish them.

    Args:
        day: Rebuild this service date, whatever arrived. Empty: only dates with news.
        full: Rebuild every service date from the lake. Takes as long as all dates take.
    """
    settings = Settings.read()
    failed: list[CheckFailed] = []
    with writing(settings), runner_of(settings):
        stages = Stages()
        last_load = newest_load(settings)
        forget_again(settings)
        with stages.timed(LOAD):
            loaded = load_task(settings)
        with stages.timed(NOTE):
            days = stale_dates_task(settings, day, full)
        with stages.timed(REBUILD):
            rebuilt = _rebuild_all(settings, days, failed)
            learned = learning_dates(settings, [failure.day for failure in failed])
            if learned:
                rebuilt += _rebuild_all(settings, learned, failed)
        has_news = is_news(settings)
        not_copied: CopiesFailed | None = None
        if has_news:
            try:
                with stages.timed(PUBLISH):
                    publish_task(settings)
            except CopiesFailed as failure:
                not_copied = failure
        (settings.published_dir / REFRESHED).touch()
        write_metrics(settings, len(failed), stages)
        frozen = left_frozen(settings, day) if full or day is not None else []
    done = Refreshed(loaded, rebuilt, failed, has_news, frozen, str(not_copied or ""))
    show_refresh(settings, done, last_load)
    get_run_logger().info("%s; stale dates: %s", loaded, ", ".join(map(str, days)) or "none")
    if failed:
        raise failed[0]
    if not_copied:
        raise not_copied
    return done
