"""The line from the spool to the published copy, once.

    spool -> lake -> core -> marts -> checks -> published copy

What is left to do is read from the warehouse, never remembered from an earlier run, and tenants' rows of a service date
are replaced in one transaction. So a run that was cut short is finished by the next one, and a run with no news
changes nothing.
The stages are plain functions that are handed settings and dates, and open the warehouse where it is not handed to
them; `flows.deployments` makes Prefect tasks of them.
"""

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext
from datetime import date
from importlib.metadata import version
from time import monotonic
from typing import NamedTuple

import duckdb

from flows.copies import CopiesFailed, publish_parts
from flows.copies_behind import REFRESHED, are_parts_current, last_refresh_ns
from flows.fuel.evaluating import evaluate_fuel
from flows.kernels_later import given_of, load_beside, told_by_files
from flows.loading import Progress, load
from flows.opening import Opened, opened_beside, opened_line
from flows.querying import open_published
from flows.refresh_metrics import write_metrics
from flows.runners import HERE, Runner
from flows.settings import Settings
from flows.stages import LOAD, NOTE, PUBLISH, REBUILD, Stages
from ingest.lake import Loaded, opened_lake
from ingest.listing import is_written_since
from warehouse.ahead import copied_ahead
from warehouse.checks import CheckFailed, Failure, check_day, check_purchases, hold_back, recheck_ended
from warehouse.connection import open_warehouse, transaction, writer_lock
from warehouse.custody import Known, known_before, note_known
from warehouse.early import checkpointed_beside, copied_early
from warehouse.frozen import FrozenDate, frozen_dates
from warehouse.idle_rates import relearned_dates, remember_idle, reopen_learners
from warehouse.jurisdictions import jurisdictions
from warehouse.lake import is_lake_at
from warehouse.load import add_measured, clear_measured, stations, want
from warehouse.loads import rebuilt_since, record_load, tenants_together
from warehouse.models import build_day
from warehouse.network_periods import Summed, summed_ahead
from warehouse.places import guard_places
from warehouse.publish import KEPT_VERSIONS, publish, versions
from warehouse.revisions import record_revisions
from warehouse.tenant_copies import why
from warehouse.versions import generated_utc
from warehouse.work import (
    absorb,
    reopen_everything,
    reopened_dates,
    reopened_vehicles,
    replanned_dates,
    work_done,
)

logger = logging.getLogger(__name__)

WAIT_S = 60.0


class Refreshed(NamedTuple):
    """What one refresh did.

    `failed` names the service dates and tenants whose checks found rows, `frozen` the vehicle-dates that a full
    refresh, or one of their date, was asked to rebuild and left as they were; `not_copied` says which copies of tenants
    or of the network stay as they were, and why.
    """

    loaded: Loaded
    rebuilt: list[date]
    failed: list[CheckFailed]
    published: bool
    frozen: Sequence[FrozenDate] = ()
    not_copied: str = ""


def refresh(
    settings: Settings, *, day: date | None = None, full: bool = False, progress: Progress | None = None
) -> Refreshed:
    """Load what has arrived, rebuild the service dates it touched, and publish them.

    `day` rebuilds that service date whatever arrived; `full` rebuilds all of them.
    Raises WarehouseBusy when another refresh holds the lock for a minute.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        stages = Stages()
        forget_again(settings)
        known = known_before(settings.known_dir, settings.warehouse_path)
        rebuilt: list[date] = []
        failed: list[CheckFailed] = []

        def rebuild_all(days: Sequence[date], opened: Opened) -> None:
            for done, stale in enumerate(days):
                tell("measure", done, len(days))
                try:
                    rebuild(settings, stale, opened)
                    rebuilt.append(stale)
                except CheckFailed as failure:
                    logger.error("held back, keeps what it had: %s", failure)
                    failed.append(failure)
                    if failure.others_rebuilt:
                        rebuilt.append(stale)
            tell("measure", len(days), len(days))

        with opened_beside(settings) as opening:
            if has_files := is_written_since(settings.spool_dir, last_refresh_ns(settings)):
                load_beside()
            lake = opened_lake(settings)
            with stages.timed(LOAD):
                loaded = load(settings, tell, lake, opening=opening)
            if loaded.segments and not has_files:  # from a store, or left by a refresh that died
                load_beside()
            with opened_line(settings, lake=lake, opening=opening) as opened:
                with stages.timed(NOTE):
                    stale = stale_dates(settings, day=day, full=full, opened=opened, seen=known.files)
                with stages.timed(REBUILD):
                    rebuild_all(stale, opened)
                    if learned := learning_dates(settings, [failure.day for failure in failed], opened):
                        rebuild_all(learned, opened)
                known = known.after([*stale, *learned, *replanned_dates(opened.warehouse)], opened.lake)
                has_news = bool(rebuilt) or is_news(settings, opened)
                not_copied = ""
                if has_news:
                    try:
                        with stages.timed(PUBLISH):
                            known = publish_copy(settings, opened, known=known) or known
                    except CopiesFailed as failure:
                        not_copied = str(failure)
        note_known(known, settings.warehouse_path)
        (settings.published_dir / REFRESHED).touch()
        write_metrics(settings, len(failed), stages, lake)
        frozen = left_frozen(settings, day) if full or day is not None else []
    return Refreshed(loaded, rebuilt, failed, published=has_news, frozen=frozen, not_copied=not_copied)


def forget_again(settings: Settings) -> None:
    """Take out of a restored backup what was erased after it was made."""
    from flows.privacy.restored import erase_again  # erasing builds on refreshing

    erase_again(settings)


def stale_dates(
    settings: Settings,
    *,
    day: date | None = None,
    full: bool = False,
    opened: Opened | None = None,
    seen: Collection[str] = (),
) -> list[date]:
    """Note what new rows of the lake touch, not in `seen` files; return the service dates to rebuild, oldest first."""
    with opened_line(settings, opened) as (warehouse, lake):
        if full or day is not None:
            reopen_everything(warehouse, settings.timezone, day)
        absorb(warehouse, settings.timezone, lake, None if settings.plain else told_by_files, seen)
        recheck_ended(warehouse)
        return reopened_dates(warehouse)


def left_frozen(settings: Settings, day: date | None) -> list[FrozenDate]:
    """Return the vehicle-dates that are frozen, of all dates or of one: nothing rebuilds them."""
    with open_warehouse(settings.warehouse_path) as warehouse:
        return [found for found in frozen_dates(warehouse) if day in (None, found.service_date)]


def learning_dates(settings: Settings, failed: Sequence[date], opened: Opened | None = None) -> list[date]:
    """Return the service dates, oldest first, whose idle rates were learned anew by what was just rebuilt."""
    with opened_line(settings, opened) as (warehouse, _):
        return [found for found in relearned_dates(warehouse) if found not in failed]


def rebuild(settings: Settings, day: date, opened: Opened | None = None, *, runner: Runner = HERE) -> None:
    """Measure the re-opened vans of one service date, rebuild its marts and check them: by tenant all of it or nothing.

    Tenants with many vans are rebuilt a few at a time, in a transaction each: DuckDB keeps in memory what is laid out
    in temporary tables until their transaction ends. `runner` says who measures them.
    Raises CheckFailed, at the end; the tenants it names keep what they had of that date, which stays re-opened.
    """
    found: list[Failure] = []
    others_rebuilt = False
    with opened_line(settings, opened) as ready:
        for together in tenants_together(ready.warehouse, day):
            failures = _rebuild_together(ready, settings, day, together, runner)
            others_rebuilt |= {failure.tenant_id for failure in failures} < {*together}
            found += failures
    if found:
        raise CheckFailed(day, found, others_rebuilt=others_rebuilt)


def _rebuild_together(
    opened: Opened, settings: Settings, day: date, together: Sequence[str], runner: Runner
) -> list[Failure]:
    """Rebuild one service date of these tenants but those whose checks fail; return what held them back."""
    found: list[Failure] = []
    tenants = together
    while True:
        try:
            with transaction(opened.warehouse):
                if tenants:
                    _rebuild_of(opened, settings, day, tenants, runner)
                hold_back(opened.warehouse, day, together, found)
            return found
        except CheckFailed as failure:
            # Nothing of this try is kept. What checks say of a tenant does not depend on others: once more without.
            found += failure.found
            tenants = [tenant for tenant in tenants if tenant not in failure.failures]


def _rebuild_of(opened: Opened, settings: Settings, day: date, tenants: Sequence[str], runner: Runner) -> None:
    """Rebuild one service date of these tenants and check it; raise CheckFailed."""
    began_s = monotonic()
    warehouse, lake = opened
    vehicle_dates = reopened_vehicles(warehouse, day, tenants)
    given = given_of(day, vehicle_dates, stations(warehouse, day), jurisdictions(warehouse))
    remember_idle(warehouse, day)
    clear_measured(warehouse, day, vehicle_dates)
    for rows in runner.measuring(warehouse, lake, settings, given):
        add_measured(warehouse, rows)
    if vehicle_dates:
        want(warehouse, vehicle_dates)
        guard_places(warehouse, suppress=settings.off_duty == "suppress", shown_tenants=settings.off_duty_tenants)
    reopen_learners(warehouse, day)
    record_revisions(warehouse, day, tenants, version("odograph"))
    build_day(warehouse, day, tenants)
    check_day(warehouse, day, tenants)
    record_load(warehouse, day, tenants, version("odograph"), monotonic() - began_s)
    logger.info("%s rebuilt: %d vehicle-dates of %d tenants", day, len(vehicle_dates), len(tenants))


def publish_copy(
    settings: Settings,
    opened: Opened | None = None,
    *,
    afresh: bool = False,
    runner: Runner = HERE,
    known: Known | None = None,
) -> Known | None:
    """Reconcile fuel purchases, rebuild what has no service date of its own, and swap in fresh copies for readers.

    `runner` says who reconciles; `afresh` writes every row of every copy anew, so that no byte of a deleted row is in
    any of them; `known` parts are not read for tenants' copies, and what is known afterwards is returned.
    Raises CopiesFailed where that for all was made and another was not.
    """
    with ExitStack() as ahead, opened_line(settings, opened) as (warehouse, lake):
        since = generated_utc(settings.published_path.resolve())
        changed = [] if afresh or since is None else rebuilt_since(warehouse, since)
        begun = ahead.enter_context(copied_ahead(settings.tenants_dir, changed))
        begun.make_room(versions(settings.published_dir), settings.published_path.resolve(), KEPT_VERSIONS)
        with ExitStack() as beside:
            early = summed = None
            if not afresh:
                early = beside.enter_context(copied_early(warehouse, settings.published_dir))
            if settings.network_copy and not afresh:
                summed = beside.enter_context(summed_ahead(warehouse, settings.published_dir))
            is_kept = known is not None and known.touched is not None
            evaluate_fuel(warehouse, settings, runner.map, is_kept=is_kept)
            check_purchases(warehouse)
            sums = _sums(summed)  # to be waited for: the file is copied while nobody else is at it
            published = publish(
                warehouse,
                settings.published_dir,
                lake,
                settings.timezone,
                version("odograph"),
                afresh=afresh,
                early=early,
            )
        with checkpointed_beside(warehouse):
            return publish_parts(settings, published, lake, afresh=afresh, known=known, ahead=begun, sums=sums).known


def _sums(summed: Future[Summed | None] | None) -> Summed | None:
    """What was summed ahead, if anything."""
    try:
        return None if summed is None else summed.result()
    except (duckdb.Error, OSError) as error:
        logger.warning("the network's sums were not made ahead, and are made later: %s", why(error))
        return None


def is_news(settings: Settings, opened: Opened | None = None) -> bool:
    """Whether a fresh copy would differ from the published one: read from both, not remembered."""
    if not settings.published_path.exists() or not are_parts_current(settings):
        return True
    with (
        nullcontext(opened.warehouse) if opened else open_warehouse(settings.warehouse_path) as warehouse,
        open_published(settings.published_path) as published,
    ):
        try:
            return not is_lake_at(published, settings.lake_root) or work_done(warehouse) != work_done(published)
        except duckdb.CatalogException:  # published by a version that did not have all of these tables
            return True
