"""How is a range of service dates measured anew, without stopping the line and without doing anything twice?

Date by date, oldest first, each in a transaction and with the lock held for that date only: a scheduled refresh comes
in between, and memory is that of one date. What is done is read from the warehouse before each date, so a backfill that
was killed goes on where it was when it is asked for again, and a date that a refresh did in the meantime is not done
once more. At the end everything is published once.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from importlib.metadata import version
from typing import NamedTuple

import duckdb

from flows.loading import Progress
from flows.measuring.arrived import told_by_files
from flows.opening import opened_line
from flows.refresh import Refreshed, rebuild, refresh
from flows.runners import HERE, Runner
from flows.settings import Settings
from warehouse.backfills import Backfill, DateToDo, Range, begin, dates_to_do, end, frozen_of, reopen_date, unfinished
from warehouse.checks import CheckFailed
from warehouse.connection import writer_lock
from warehouse.frozen import FrozenDate
from warehouse.work import absorb

logger = logging.getLogger(__name__)

WAIT_S = 1800.0  # for a refresh that is at work
STAGE = "backfill"
SHOWN_FROZEN = 20


class NoSuchTenant(Exception):
    """Nothing was ever heard of a tenant."""

    def __init__(self, tenant_id: str, known: Sequence[str]) -> None:
        super().__init__(f"no tenant {tenant_id}; there are {', '.join(known) or 'none'}")


class Plan(NamedTuple):
    """What a backfill has before it; `began_utc` is that of the one it goes on with (None: it is new)."""

    asked: Range
    began_utc: datetime | None
    work: Sequence[DateToDo]
    frozen: Sequence[FrozenDate]

    @property
    def dates(self) -> list[date]:
        """Every service date of it."""
        return sorted({found.service_date for found in self.work})

    @property
    def dates_left(self) -> list[date]:
        return sorted({found.service_date for found in self.work if not found.is_done})

    def lines(self) -> list[str]:
        """What is asked for and what is left of it, in words."""
        tenants = sorted({found.tenant_id for found in self.work})
        count, left = len(self.dates), len(self.dates_left)
        vehicle_dates = sum(found.vehicle_count for found in self.work)
        lines = [
            f"{named(self.asked)}: {count} service dates, {vehicle_dates} vehicle-dates,"
            f" tenants {', '.join(tenants) or 'none'}"
        ]
        if self.began_utc is not None:
            lines.append(
                f"going on with the backfill begun {self.began_utc:%Y-%m-%d %H:%M} UTC:"
                f" {count - left} of {count} service dates are done; --anew does them again"
            )
        return lines + frozen_lines(self.frozen)


class Backfilled(NamedTuple):
    """What a backfill did: the dates it rebuilt, those whose checks found rows, and the refresh that published them."""

    plan: Plan
    rebuilt: Sequence[date]
    failed: Sequence[CheckFailed]
    refreshed: Refreshed

    @property
    def is_whole(self) -> bool:
        """Whether nothing was held back and every copy was written."""
        return not (self.failed or self.refreshed.failed or self.refreshed.not_copied)


def backfill(settings: Settings, asked: Range, *, anew: bool = False, progress: Progress | None = None) -> Backfilled:
    """Measure every vehicle-date of a range anew, but for frozen ones, and publish; go on with one that was cut short.

    Raises WarehouseBusy when another process writes for half an hour; what is done stays done.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    begun, plan = start(settings, asked, anew=anew)
    rebuilt: list[date] = []
    failed: list[CheckFailed] = []
    done, total = len(plan.dates) - len(plan.dates_left), len(plan.dates)
    for day in plan.dates_left:
        tell(STAGE, done, total)
        try:
            rebuilt += [day] if backfill_date(settings, begun, day) else []
        except CheckFailed as failure:
            logger.error("held back, keeps what it had: %s", failure)
            failed.append(failure)
        done += 1
    tell(STAGE, total, total)
    finish(settings, begun)
    return Backfilled(plan, rebuilt, failed, refresh(settings, progress=progress))


def plan_of(settings: Settings, asked: Range, *, anew: bool = False) -> Plan:
    """What there is to do, without doing anything."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, _):
        found = None if anew else unfinished(warehouse, asked, version("odograph"))
        began_utc = found.began_utc if found else None
        work = _known_work(warehouse, settings, asked, began_utc)
        return Plan(asked, began_utc, work, frozen_of(warehouse, asked))


def start(settings: Settings, asked: Range, *, anew: bool = False) -> tuple[Backfill, Plan]:
    """Begin a backfill, or find the one of the same range that was cut short; rows that are new in the lake count."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, lake):
        absorb(warehouse, settings.timezone, lake, None if settings.plain else told_by_files)
        _known_work(warehouse, settings, asked, None)
        found = None if anew else unfinished(warehouse, asked, version("odograph"))
        begun = found or begin(warehouse, asked, version("odograph"))
        work = dates_to_do(warehouse, asked, settings.timezone, begun.began_utc)
        return begun, Plan(asked, found and found.began_utc, work, frozen_of(warehouse, asked))


def _known_work(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, asked: Range, began_utc: datetime | None
) -> list[DateToDo]:
    """Return what there is to do; a tenant nobody knows is a slip and not a tenant without dates."""
    work = list(dates_to_do(warehouse, asked, settings.timezone, began_utc))
    if asked.tenant and not work:
        rows = warehouse.execute(
            "select tenant_id from core.tenants union select tenant_id from core.vehicle_dates order by tenant_id"
        ).fetchall()
        if (asked.tenant,) not in rows:
            raise NoSuchTenant(asked.tenant, [row[0] for row in rows])
    return work


def backfill_date(settings: Settings, begun: Backfill, day: date, runner: Runner = HERE) -> bool:
    """Measure one service date anew; False where that was done since the backfill began. Raises CheckFailed."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as opened:
        only = begun.asked._replace(first=day, last=day)
        work = dates_to_do(opened.warehouse, only, settings.timezone, begun.began_utc)
        tenants = [found.tenant_id for found in work if not found.is_done]
        if tenants:
            reopen_date(opened.warehouse, day, tenants, settings.timezone)
            rebuild(settings, day, opened, runner=runner)
    return bool(tenants)


def finish(settings: Settings, begun: Backfill) -> None:
    """Note that every date was tried."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, _):
        end(warehouse, begun)


def named(asked: Range) -> str:
    """A range in words: `2026-02-01..2026-02-28 of all tenants`."""
    return f"{asked.first}..{asked.last} of {f'tenant {asked.tenant}' if asked.tenant else 'all tenants'}"


def frozen_lines(frozen: Sequence[FrozenDate]) -> list[str]:
    """The frozen vehicle-dates, the first of them by name."""
    lines = [
        f"frozen, stays as it was: {found.tenant_id} {found.vehicle_id} {found.service_date} ({found.why})"
        for found in frozen[:SHOWN_FROZEN]
    ]
    more = len(frozen) - SHOWN_FROZEN
    return [*lines, f"and {more} more frozen vehicle-dates"] if more > 0 else lines
