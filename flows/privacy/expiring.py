"""What is over its time, and how does it go, layer by layer?

    spool (cut) · lake (thinned, cut, deleted) · core and marts · reports and mails · access log -> a new published copy

A legal hold keeps what it covers at every layer. A vehicle-date is frozen before the first of its positions goes, and
a partition of the lake is replaced in one commit, so a run that was cut short anywhere is finished by the next one.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from getpass import getuser
from pathlib import Path

import duckdb

from flows.privacy.access import access_path, expire_access
from flows.privacy.holding import take_holds
from flows.privacy.old_reports import expire_reports
from flows.privacy.periods import take_retention
from flows.privacy.thinning import attach, expire_core_and_lake, expire_events, expire_positions
from flows.refresh import WAIT_S, publish_copy
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.expiry import cut_segment, message_count, partitions
from ingest.reached import waiting_segments
from ingest.received import Received
from ingest.register import append_entry, register_path
from ingest.spool import Segment, sealed_segments
from warehouse.connection import open_warehouse, sql, writer_lock
from warehouse.lake import resolved
from warehouse.models import prepare_models
from warehouse.retention import Due, cutoff_dates, due_rows, kinds, set_cutoffs

logger = logging.getLogger(__name__)


class NotMeasured(Exception):
    """What is in the lake is not in the warehouse: positions that were thinned now would never be measured."""

    def __init__(self) -> None:
        super().__init__("nothing expires before the lake is measured by this version: run `odograph refresh` first")


def expire(settings: Settings, *, today: date | None = None, dry_run: bool = False) -> list[Due]:
    """Thin, cut and delete what is over its time, and publish what is left; returns what that was.

    `dry_run` only counts. Raises NotMeasured right after an upgrade, and WarehouseBusy while a refresh runs for longer
    than a minute.
    """
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        return expire_locked(settings, today or datetime.now(UTC).date(), dry_run=dry_run)


def expire_locked(settings: Settings, today: date, *, dry_run: bool = False) -> list[Due]:
    """The same for who holds the writer's lock."""
    with _opened(settings, today) as warehouse:
        if not dry_run and not _is_measured(warehouse, settings):
            raise NotMeasured
        due = [
            *_raw_messages(warehouse, settings, today, dry_run=dry_run),
            *expire_positions(warehouse, settings, dry_run=dry_run),
            *expire_events(warehouse, settings, dry_run=dry_run),
            *due_rows(warehouse),
            *expire_reports(warehouse, settings, today, dry_run=dry_run),
        ]
        if not dry_run:
            expire_core_and_lake(warehouse, settings)
        before = min(cutoff_dates(warehouse, "access_log").values(), default=None)
    due += expire_access(access_path(settings.data_dir), before, dry_run=dry_run)
    gone = [found for found in due if found.row_count]
    if gone and not dry_run:
        publish_copy(settings, afresh=True)  # deleted rows are still in the pages of the file
        facts = {"today": today.isoformat(), "due": [_told(found) for found in gone]}
        append_entry(register_path(settings.data_dir), "expire", facts, by=settings.user or getuser())
        logger.info("expired: %s", facts["due"])
    return due


def _is_measured(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Whether old positions were taken into account since the tables of the warehouse were last made anew."""
    latest = max(cutoff_dates(warehouse, "positions").values(), default=date.min)
    is_known: bool = warehouse.execute("select exists (from core.absorbed)").fetchall()[0][0]
    return is_known or not any(found <= latest for found in partitions(settings, POSITIONS))


def cut_for_space(settings: Settings, segments: list[Segment], today: date) -> int:
    """Let go of segments of a spool that is too large, but for what is held; returns how many were cut."""
    with _opened(settings, today) as warehouse:
        held = held_messages(warehouse, settings, segments)
        count = 0
        for segment in segments:
            kept = held.get((segment.spool_id, segment.number), set())
            count += bool(cut_segment(segment, lambda received, kept=kept: received.payload_hash in kept)[0])  # type: ignore[misc]
    return count


def loaded_segments(settings: Settings) -> list[Segment]:
    """The sealed segments that are in every table of the lake, the oldest file first."""
    loaded = []
    for folder, waiting in waiting_segments(settings).items():
        not_loaded = {segment.number for segment in waiting}
        loaded += [segment for segment in sealed_segments(folder) if segment.number not in not_loaded]
    return sorted(loaded, key=lambda segment: (segment.path.stat().st_mtime, segment.path))


def _raw_messages(warehouse: duckdb.DuckDBPyConnection, settings: Settings, today: date, *, dry_run: bool) -> list[Due]:
    before = cutoff_dates(warehouse, "raw_messages")
    usual = date.fromordinal(today.toordinal() - kinds()["raw_messages"].keep_days)
    due = [
        (segment, _written(segment.path))
        for segment in loaded_segments(settings)
        if _written(segment.path) < max([usual, *before.values()])
    ]
    held = held_messages(warehouse, settings, [segment for segment, _ in due])
    listed: dict[str, list[int]] = {}
    for segment, written in due:
        kept = held.get((segment.spool_id, segment.number), set())
        if not kept and not dry_run and written < min([usual, *before.values()]):
            # Nobody wants any of it, so it is not read; whose it was is not known then.
            rows, size, _ = listed.get("", [0, 0, 0])
            listed[""] = [rows + message_count(segment), size + segment.path.stat().st_size, 0]
            segment.path.unlink()
            continue
        counts: dict[str, list[int]] = {}

        def stays(received: Received, written: date = written, kept: set[int] = kept, counts=counts) -> bool:  # type: ignore[no-untyped-def]
            tenant = received.topic.tenant if received.topic else settings.foreign_tenant
            if written >= before.get(tenant, usual):
                return True
            is_held = received.payload_hash in kept
            count = counts.setdefault(tenant, [0, 0, 0])
            count[2 if is_held else 0] += 1
            count[1] += 0 if is_held else len(received.payload)
            return is_held

        cut_segment(segment, stays, dry_run=dry_run)
        for tenant, count in counts.items():
            listed[tenant] = [a + b for a, b in zip(listed.get(tenant, [0, 0, 0]), count, strict=True)]
    return [
        Due("raw_messages", tenant, before.get(tenant, usual), rows, size, kept_count)
        for tenant, (rows, size, kept_count) in sorted(listed.items())
    ]


def held_messages(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, segments: list[Segment]
) -> dict[tuple[str, int], set[int]]:
    """The payload hashes in these segments that a hold keeps."""
    if not segments or not _is_anything_held(warehouse):
        return {}
    warehouse.execute("create or replace temp table due_segments (spool_id varchar, segment_no bigint)")
    warehouse.executemany(
        "insert into due_segments values (?, ?)", [(found.spool_id, found.number) for found in segments]
    )
    warehouse.execute(sql("retention/held_messages.sql").replace("{resolved}", resolved("chosen", settings.timezone)))
    found: dict[tuple[str, int], set[int]] = {}
    for spool_id, number, payload_hash in warehouse.execute("from held_messages").fetchall():
        found.setdefault((spool_id, number), set()).add(payload_hash)
    return found


def _is_anything_held(warehouse: duckdb.DuckDBPyConnection) -> bool:
    asked = "select exists (from held) or exists (from core.holds where released_utc is null)"
    return bool(warehouse.execute(asked).fetchall()[0][0])


@contextmanager
def _opened(settings: Settings, today: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse over the newest lake, with cut-offs and holds of today."""
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        take_holds(warehouse, settings)
        take_retention(warehouse, settings)
        attach(warehouse, settings)
        set_cutoffs(warehouse, today)
        yield warehouse


def _written(path: Path) -> date:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()


def _told(found: Due) -> dict[str, object]:
    return found._asdict() | {"before_date": found.before_date.isoformat()}
