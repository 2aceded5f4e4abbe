"""What do all flows share? How a run is named, what is worth a retry, and how it waits for the right to write."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Running

from flows.deployments.alerts import tell_failure, tell_recovery
from flows.post.mail import MailNotSent
from flows.reporting import ReportsFailed
from flows.settings import Settings
from warehouse.connection import WarehouseBusy, writer_lock

VERSION = version("odograph")
RUN_WAIT_S = 1800.0  # a report is worth waiting for the refresh before it
WAITING = "Waiting for the writer"


def waiting_helps(_task: object, _run: object, state: Any) -> bool:
    """Whether a failed task is worth a retry: a lock, a full disk and a mail server that is away are, a bug is not."""
    error = state.result(raise_on_failure=False)
    errors = [found for _, found in error.failures] if isinstance(error, ReportsFailed) else [error]
    return any(isinstance(found, WarehouseBusy | MailNotSent | OSError) for found in errors)


# What each flow of ours has: who is told how it ended, and which program it was.
TOLD: dict[str, Any] = {
    "version": VERSION,
    "on_failure": [tell_failure],
    "on_crashed": [tell_failure],
    "on_completion": [tell_recovery],
}


def retried(times: int, delay_s: int) -> dict[str, Any]:
    """Return what a task has that is worth a retry; no result is ever taken from a cache."""
    return {
        "retries": times,
        "retry_delay_seconds": delay_s,
        "retry_condition_fn": waiting_helps,
        "cache_policy": NO_CACHE,
    }


@contextmanager
def writing(settings: Settings) -> Iterator[None]:
    """The right to write the warehouse while the block runs; the state of the run says so while it waits for it.

    A lock that dies with its holder, and not a limit of Prefect's: after a crash that would keep everybody out for
    minutes, and it would not see a refresh by hand.
    """
    with ExitStack() as held:
        try:
            held.enter_context(writer_lock(settings.lock_path, wait_s=0))
        except WarehouseBusy:
            _show(Running(name=WAITING, message="another run, or a command by hand, is writing the warehouse"))
            held.enter_context(writer_lock(settings.lock_path, wait_s=RUN_WAIT_S))
            _show(Running())
        yield


def _show(state: State[Any]) -> None:
    run_id = flow_run.id
    if run_id:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run_id, state, force=True)


def scheduled_local(timezone: str) -> datetime:
    """When this run was to start, as a clock of that zone shows it."""
    return local_time(flow_run.scheduled_start_time or datetime.now(UTC), timezone)


def local_time(instant: datetime, timezone: str) -> datetime:
    """An instant in a zone. Goes through the Unix time: Prefect's own datetime class loses its zone in arithmetic."""
    return datetime.fromtimestamp(instant.timestamp(), ZoneInfo(timezone))
