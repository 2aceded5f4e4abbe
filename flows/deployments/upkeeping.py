"""How does Prefect keep the line small? One task, and what went as an artifact."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.deployments.alerts import tell_failure, tell_recovery
from flows.deployments.running import VERSION, scheduled_local, waiting_helps
from flows.deployments.shown import show_upkeep
from flows.settings import Settings
from flows.upkeep import Upkeep, upkeep

TIMEOUT_S = 4 * 3600.0


@task(
    name="upkeep",
    task_run_name="upkeep",
    retries=5,
    retry_delay_seconds=60,
    retry_condition_fn=waiting_helps,
    cache_policy=NO_CACHE,
)
def upkeep_task() -> Upkeep:
    """Housekeeping of lake and spool."""
    return upkeep(Settings.read())


def _name() -> str:
    return f"upkeep {scheduled_local(Settings.read().timezone):%Y-%m-%d}"


@flow(
    name="odograph-upkeep",
    version=VERSION,
    flow_run_name=_name,
    timeout_seconds=TIMEOUT_S,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_completion=[tell_recovery],
)
def upkeep_flow() -> Upkeep:
    """Merge small files of past dates, delete replaced ones, expire old raw messages."""
    done = upkeep_task()
    show_upkeep(done)
    return done
