"""How does Prefect keep the line small? One task, and what went as an artifact."""

from prefect import flow, task

from flows.deployments.running import TOLD, retried, scheduled_local
from flows.deployments.shown import show_upkeep
from flows.settings import Settings
from flows.upkeep import Upkeep, upkeep

TIMEOUT_S = 4 * 3600.0


@task(name="upkeep", task_run_name="upkeep", **retried(5, 60))
def upkeep_task() -> Upkeep:
    """Housekeeping of lake and spool."""
    return upkeep(Settings.read())


def _name() -> str:
    return f"upkeep {scheduled_local(Settings.read().timezone):%Y-%m-%d}"


@flow(name="odograph-upkeep", flow_run_name=_name, timeout_seconds=TIMEOUT_S, **TOLD)
def upkeep_flow() -> Upkeep:
    """Merge small files of past dates, delete replaced ones, expire old raw messages."""
    done = upkeep_task()
    show_upkeep(done)
    return done
