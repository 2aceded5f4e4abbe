"""Which deployments are there, when do they run, and what does each say of itself?

`odograph serve` runs them in processes of its own; `prefect.yaml` describes the same ones for work pools.
"""

from typing import Any, NamedTuple

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.schedules import Cron, Schedule

from flows.deployments.backfilling import backfill_flow
from flows.deployments.refreshing import refresh_flow
from flows.deployments.reporting import reports_flow
from flows.deployments.running import VERSION
from flows.deployments.upkeeping import upkeep_flow
from flows.settings import Settings

TAG = "odograph"


class Deployment(NamedTuple):
    """One deployment; `cron` is a setting, None where it runs only when somebody asks for it."""

    name: str
    flow: Any
    entrypoint: str
    cron: str | None
    waits: bool  # for another run of it; otherwise a second one is cancelled, and the next one catches up
    tags: tuple[str, ...]
    description: str


DEPLOYMENTS = (
    Deployment(
        "refresh",
        refresh_flow,
        "flows/deployments/refreshing.py:refresh_flow",
        "refresh_cron",
        False,
        (TAG, "line"),
        """**From the spool to the published copy**: loads what has arrived, rebuilds the service dates it touched,
checks them, and swaps in a fresh copy for readers.

- Nothing new: it changes nothing and takes a few seconds.
- Cut short: the next run goes on. It needs no retry by hand.
- Held back: a date whose checks find rows keeps what readers saw; the run fails and its page says why.

Run it with `day` to rebuild one service date, with `full` to rebuild all of them.""",
    ),
    Deployment(
        "reports",
        reports_flow,
        "flows/deployments/reporting.py:reports_flow",
        "post_cron",
        False,
        (TAG, "mail"),
        """**Reports by mail**, each once. It asks often, because each recipient has a schedule of their own, in
their own zone: whatever became due since is sent, what was missed in the last days is caught up, what a mail server did
not take is tried again, and a correction follows where late data moved a headline.

- Nothing due: it does nothing.
- A mail that a server takes later is tried again. One that is refused or given up fails the run, and stops no other.

Run it with `report` to render one by hand, and with `send` off only to write its files.""",
    ),
    Deployment(
        "upkeep",
        upkeep_flow,
        "flows/deployments/upkeeping.py:upkeep_flow",
        "upkeep_cron",
        True,
        (TAG, "housekeeping"),
        """**Keeps the line small**: data over its time expires, small files of past dates are merged, replaced files
are deleted. What is under a legal hold stays, and so does every file that a published copy names.""",
    ),
    Deployment(
        "backfill",
        backfill_flow,
        "flows/deployments/backfilling.py:backfill_flow",
        None,
        True,
        (TAG, "by hand"),
        """**Measures a range of service dates anew**, date by date, and publishes: after thresholds, settings or
programs changed. Late data and imports need none, they re-open the dates they touch.

- Has no schedule: *Run* asks for the dates.
- Scheduled refreshes come in between two dates.
- Cut short: run it with the same dates again, it does the rest.
- Frozen vehicle-dates (thinned, expired, erased) stay as they were and are listed.""",
    ),
)


def zone_of(cron: str, timezone: str) -> str:
    """The zone a schedule is kept in: UTC where it names no hour, else that of the settings.

    In the night with 25 hours Prefect fires nothing in the repeated hour of a zone: once a day is right for 01:30, and
    an hour without a refresh is wrong for every 15 minutes.
    """
    return "UTC" if cron.split()[1:] == ["*", "*", "*", "*"] else timezone


def schedule(settings: Settings, deployment: Deployment) -> Schedule | None:
    """When a deployment runs; None: only when somebody asks for it."""
    if deployment.cron is None:
        return None
    cron = getattr(settings, deployment.cron)
    return Cron(cron, timezone=zone_of(cron, settings.timezone))


def limit(deployment: Deployment) -> ConcurrencyLimitConfig:
    """One run of each at a time; who writes the warehouse is decided by its lock, across all of them."""
    strategy = ConcurrencyLimitStrategy.ENQUEUE if deployment.waits else ConcurrencyLimitStrategy.CANCEL_NEW
    return ConcurrencyLimitConfig(limit=1, collision_strategy=strategy)


def serve_deployments(settings: Settings) -> None:
    """Keep the deployments until stopped."""
    # Prefect's methods answer either at once or with a coroutine; here, outside any loop, always at once.
    serve(
        *(
            found.flow.to_deployment(
                name=found.name,
                schedule=schedule(settings, found),
                concurrency_limit=limit(found),
                tags=list(found.tags),
                description=found.description,
                version=VERSION,
            )
            for found in DEPLOYMENTS
        )
    )
