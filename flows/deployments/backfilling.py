"""How does Prefect measure a range of service dates anew? A task a date; one that was cut short is asked for again."""

from datetime import date

from prefect import flow, task
from prefect.runtime import flow_run

from flows.backfill import Backfilled, backfill_date, finish, start
from flows.deployments.clusters import chosen_runner, runner_of
from flows.deployments.refreshing import refresh_flow
from flows.deployments.running import TOLD, retried
from flows.deployments.shown import Progress, show_backfill
from flows.settings import Settings
from warehouse.backfills import Backfill, Range
from warehouse.checks import CheckFailed


@task(name="measure anew", task_run_name="measure {day} anew", **retried(3, 60))
def backfill_date_task(begun: Backfill, day: date) -> bool:
    """One service date; nothing where it was done since the backfill began."""
    return backfill_date(Settings.read(), begun, day, chosen_runner())


def _name() -> str:
    given = flow_run.parameters or {}
    of = f" of {given['tenant']}" if given.get("tenant") else ""
    return f"backfill {given.get('first')}..{given.get('last')}{of}"


@flow(name="odograph-backfill", flow_run_name=_name, **TOLD)
def backfill_flow(first: date, last: date, tenant: str | None = None, anew: bool = False) -> Backfilled:
    """Measure every vehicle-date of a range of service dates anew and publish; asked for again it goes on.

    Args:
        first: First service date.
        last: Last service date, itself included.
        tenant: Only this tenant's vans. Empty: those of each tenant.
        anew: Begin again, also where one of the same dates was cut short.
    """
    settings = Settings.read()
    if last < first:
        raise ValueError(f"the last service date {last} is before the first, {first}")
    begun, plan = start(settings, Range(first, last, tenant), anew=anew)
    progress = Progress("backfill-progress", "Service dates measured anew", len(plan.dates))
    progress.step(len(plan.dates) - len(plan.dates_left))
    rebuilt: list[date] = []
    failed: list[CheckFailed] = []
    with runner_of(settings):
        for day in plan.dates_left:
            try:
                rebuilt += [day] if backfill_date_task(begun, day) else []
            except CheckFailed as failure:
                failed.append(failure)
            progress.step()
    finish(settings, begun)
    try:
        refreshed = refresh_flow()  # publishes
    finally:
        show_backfill(settings, plan, rebuilt, failed, begun)
    if failed:
        raise failed[0]
    return Backfilled(plan, rebuilt, failed, refreshed)
