"""What does the page of a run answer? What happened: headline numbers, tables, links and progress, as artifacts.

They are read from the published copy after the work is done, so nobody has to wait for them. One that cannot be written
is logged, and the run goes on: its work counts, not its page.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import duckdb
import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.exceptions import PrefectException

from flows.backfill import Plan, frozen_lines, named
from flows.querying import NothingPublished, open_published
from flows.refresh import Refreshed
from flows.settings import Settings
from flows.upkeep import Upkeep
from warehouse.backfills import REASON, Backfill
from warehouse.checks import CheckFailed
from warehouse.connection import open_warehouse

logger = logging.getLogger(__name__)

SHOWN_ROWS = 200
NAMED_REASONS = 3
SHOWN_CHARACTERS = 120
HEADLINES = (
    "select tenant_id as tenant, service_date as date, vehicles_heard as vans,"
    " round(100 * coverage, 1) as 'coverage %', round(drive_s / 3600, 1) as 'driving h',"
    " round(idle_s / 3600, 1) as 'idling h', round(100 * idle_share, 1) as 'idle share %',"
    " round(distance_m / 1000, 1) as 'distance km', round(idle_cost, 2) as 'idle cost', currency from marts.fleet_days"
    " qualify row_number() over (partition by tenant_id order by service_date desc) = 1 order by tenant_id"
)
REJECTS = (
    "select reason, kind, count(*) as rows, sum(seen_count)::bigint as 'times seen',"
    " max(received_utc) as 'newest (UTC)' from lake.rejects group by reason, kind order by rows desc, reason"
)
LOADS = (
    "select service_date as date, tenant_id as tenant, vehicle_date_count as 'vehicle-dates',"
    " position_count as positions, array_to_string(reasons, ', ') as why, round(seconds, 2) as seconds"
    " from core.loads where load_id > $after and ($reason is null or list_contains(reasons, $reason))"
    " and ($began is null or rebuilt_utc >= $began) order by service_date, tenant_id, load_id"
)
HELD_BACK = (
    "select service_date as date, tenant_id as tenant, check_name as 'check', row_count as rows, meaning,"
    " found_utc as 'since (UTC)' from core.held_back left join core.checks using (check_name) order by all"
)
Rows = list[dict[str, Any]]


def newest_load(settings: Settings) -> int:
    """The number of the last rebuild there was; the caller holds the lock."""
    with open_warehouse(settings.warehouse_path) as warehouse:
        return int(warehouse.execute("select coalesce(max(load_id), 0) from core.loads").fetchall()[0][0])


def show_refresh(settings: Settings, done: Refreshed, last_load: int) -> None:
    """What a refresh brought: headline numbers, what was rebuilt, what is held back, rejects, and where it all is."""
    with _kept_going():
        loaded = done.loaded
        lines = [
            f"**{loaded.messages}** messages in {loaded.segments} segments: {loaded.positions} positions,"
            f" {loaded.events} events, {loaded.purchases} purchases, {loaded.plans} planned routes,"
            f" **{loaded.rejects} rejects**.",
            f"Rebuilt: {_days(done.rebuilt)}.",
            f"Published: `{settings.published_path}`." if done.published else "No news: the published copy stays.",
            *(f"**Held back**, readers see it as it was: {line}" for fail in done.failed for line in fail.lines()),
            *frozen_lines(done.frozen),
            *([f"**{done.not_copied}**"] if done.not_copied else []),
        ]
        held = f"{len(done.failed)} dates held back, " if done.failed else ""
        short = f"{held}{loaded.messages} messages, {loaded.rejects} rejects, {len(done.rebuilt)} dates rebuilt"
        _summary("refresh-summary", short, lines, _asked_of_copy(settings, HEADLINES))
        _show_loads(settings, "refresh-rebuilt", {"after": last_load, "reason": None, "began": None})
        rejects = _asked_of_copy(settings, REJECTS)
        listed = ", ".join(f"{row['reason']} {row['rows']}" for row in rejects[:NAMED_REASONS])
        _show_table("refresh-rejects", f"Rejects of all days: {listed}", rejects)
        _link("published-copy", settings.published_path, "Published copy, read-only DuckDB")


def show_backfill(
    settings: Settings, plan: Plan, rebuilt: Sequence[date], failed: Sequence[CheckFailed], begun: Backfill
) -> None:
    """What a backfill did; what of it was done before this run is in the table as well."""
    with _kept_going():
        lines = [
            *plan.lines(),
            f"Rebuilt by this run: {_days(rebuilt)}.",
            *(f"**Held back**, readers see it as it was: {line}" for fail in failed for line in fail.lines()),
        ]
        short = f"{named(plan.asked)}: {len(rebuilt)} dates rebuilt by this run, {len(failed)} held back"
        _summary("backfill-summary", short, lines, [])
        _show_loads(settings, "backfill-rebuilt", {"after": 0, "reason": REASON, "began": begun.began_utc})


def show_reports(settings: Settings, lines: Sequence[str]) -> None:
    """What was rendered and sent, and where the files are."""
    with _kept_going():
        _summary("reports-summary", "; ".join(lines)[:SHOWN_CHARACTERS], lines, [])
        _link("reports-folder", settings.reports_dir, "Folder of rendered reports")


def show_upkeep(done: Upkeep) -> None:
    """What was merged, deleted and expired."""
    with _kept_going():
        rows = [{"what": name.replace("_", " "), "count": count} for name, count in done._asdict().items()]
        _show_table("upkeep", ", ".join(f"{row['what']} {row['count']}" for row in rows), rows)


class Progress:
    """A bar on the run's page; where it cannot be shown the work goes on without."""

    def __init__(self, key: str, description: str, total: int) -> None:
        self._done, self._total, self._id = 0, total, None
        with _kept_going():
            found = create_progress_artifact(0.0 if total else 100.0, key=key, description=description)
            self._id = cast("UUID", found)

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if self._id is not None and count:
            with _kept_going():
                update_progress_artifact(self._id, progress=100.0 * self._done / self._total)


@contextmanager
def _kept_going() -> Iterator[None]:
    try:
        yield
    except (PrefectException, httpx.HTTPError, duckdb.Error) as error:
        logger.warning("not shown on the run's page: %s", error)


def _show_loads(settings: Settings, key: str, asked: dict[str, Any]) -> None:
    loads = _asked_of_copy(settings, LOADS, asked)
    vehicle_dates, positions = (sum(row[name] for row in loads) for name in ("vehicle-dates", "positions"))
    _show_table(key, f"Rebuilt: {vehicle_dates} vehicle-dates, {positions} positions", loads)
    held = _asked_of_copy(settings, HELD_BACK)
    _show_table("held-back", f"{len(held)} checks hold back dates; every refresh tries again", held)


def _asked_of_copy(settings: Settings, query: str, parameters: dict[str, Any] | None = None) -> Rows:
    try:
        with open_published(settings.published_path) as published:
            return _rows(published, query, parameters or {})
    except NothingPublished:
        return []


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> Rows:
    answer = connection.execute(query, parameters)
    names = [found[0] for found in answer.description or []]
    return [dict(zip(names, map(_shown, row), strict=True)) for row in answer.fetchall()]


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)[:19]


def _summary(key: str, short: str, lines: Sequence[str], headlines: Rows) -> None:
    """Write a page of text; `short` is all that the page of the run shows of it."""
    parts = [*(f"- {line}" for line in lines)]
    if headlines:
        table = [list(headlines[0]), ["---"] * len(headlines[0]), *(list(row.values()) for row in headlines)]
        cells = ((" | ".join("n/a" if value is None else str(value) for value in row)) for row in table)
        parts += ["", "### Newest date of each tenant", "", *(f"| {row} |" for row in cells)]
    create_markdown_artifact("\n".join(parts), key=key, description=short)


def _show_table(key: str, description: str, rows: Rows) -> None:
    if rows:
        more = f"; the first {SHOWN_ROWS} of {len(rows)}" if len(rows) > SHOWN_ROWS else ""
        create_table_artifact(rows[:SHOWN_ROWS], key=key, description=description + more)


def _link(key: str, path: Path, text: str) -> None:
    create_link_artifact(path.absolute().as_uri(), link_text=f"{text}: {path.absolute()}", key=key, description=text)


def _days(days: Sequence[date]) -> str:
    return ", ".join(map(str, days)) or "nothing"
