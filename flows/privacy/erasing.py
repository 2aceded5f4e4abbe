"""How does a person's or a van's data go, everywhere, and stay gone?

    register (tombstone) -> spool -> lake -> warehouse -> its file anew -> published copy
      -> old copies, reports, mails -> files the lake no longer names -> register (done)

The tombstone comes first, on disk: from then on nothing under it is loaded or imported again. What is to be done is
kept in a file beside the register until all of it is done; every step can be done again, so an erasure that was cut
short is finished by the next call, and until then `odograph privacy verify` says that it is not.
"""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from flows.opening import opened_line
from flows.post.mail import is_of_tenant
from flows.refresh import publish_copy, refresh
from flows.settings import Settings
from ingest.durable import replace_file
from ingest.handed_over import forget
from ingest.lake_erasing import erase_from_lake, vacuum_at_once
from ingest.reached import segments_reached
from ingest.register import append_entry, read_register, register_path
from ingest.spool_erasing import erase_from_spools, unreadable_leftovers
from ingest.tombstones import keyed_digest, own_key, read_tombstones
from warehouse.connection import writer_lock
from warehouse.erasing import erase_measured
from warehouse.rewriting import rewrite
from warehouse.subjects import Held, Known, Subject, held_of, is_told_of, known_of, nothing_known

logger = logging.getLogger(__name__)

WAIT_S = 60.0
WEEK_DAYS, MONTH_DAYS = 7, 31


class NothingKnown(Exception):
    """Nothing is known of the subject."""


class UnderHold(Exception):
    """Some of it may not be deleted; `hold_ids` names the holds."""

    def __init__(self, held: Sequence[Held]) -> None:
        self.hold_ids = sorted({found.hold_id for found in held})
        super().__init__(
            f"under legal hold {', '.join(self.hold_ids)}; nothing was erased. --except-held erases the rest,"
            " `odograph privacy release` ends a hold"
        )


class Plan(NamedTuple):
    """What an erasure is to do; kept on disk until it is done."""

    subject: Subject
    known: Known
    everything: bool
    held: list[Held]  # what stays


class Erased(NamedTuple):
    """What an erasure did, place by place."""

    erasure_id: str
    counts: dict[str, int]
    deleted_files: list[Path]
    not_read: list[Path]


def planned_erasure(settings: Settings, subject: Subject, *, everything: bool, except_held: bool) -> Plan:
    """Find what would go, after a refresh that brings everything in; raise UnderHold or NothingKnown."""
    refresh(settings)
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, _):
        held = held_of(warehouse, subject)
        if held and not except_held:
            raise UnderHold(held)
        known = known_of(warehouse, subject, settings.timezone, held)
        if not is_told_of(warehouse, subject):
            raise NothingKnown(nothing_known(warehouse, subject))
    return Plan(subject, known, everything, held)


def preview(settings: Settings, plan: Plan) -> dict[str, int]:
    """How much would go from where; counted, nothing is changed."""
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, _):
        counts = {
            "vehicle-dates": len(plan.known.vehicle_dates),
            "positions": _count_in_lake(warehouse, plan, "timed_positions"),
            "events": _count_in_lake(warehouse, plan, "timed_events"),
            "purchases that lose driver and place": len(plan.known.purchases),
            "reports and mails": len(mentioned_in(settings, plan.subject, plan.known)),
        }
    return counts


def erase(settings: Settings, plan: Plan, *, reason: str, by: str) -> Erased:
    """Do it: tombstone first, then everywhere; the register says begun and done."""
    _write_plan(settings, plan)
    key = own_key(settings.data_dir)
    subject, known = plan.subject, plan.known
    # What comes from a van after the erasure is another matter; what is learned of a driver's past days is not.
    now = datetime.now(UTC)
    now_us = round(now.timestamp() * 1e6)
    last = now.date() if subject.kind == "vehicle" else date.max
    facts = {
        "tenant_id": subject.tenant_id,
        "kind": subject.kind,
        "subject": keyed_digest(key, subject.kind, subject.tenant_id, subject.subject_id),
        "periods": [[first.isoformat(), min(end, last).isoformat()] for first, end in known.periods if first <= last],
        "is_whole": known.is_whole,
        "names": [keyed_digest(key, subject.kind, subject.tenant_id, name) for name in known.names],
        "devices": [
            [keyed_digest(key, "device", subject.tenant_id, device), start, min(end, now_us)]
            for device, start, end in known.devices
            if start < now_us
        ],
        "purchases": sorted(keyed_digest(key, "purchase", subject.tenant_id, *found) for found in known.purchases),
        "everything": plan.everything,
        "reason": reason,
    }
    entry = append_entry(register_path(settings.data_dir), "erase", facts, by=by)
    return _carry_out(settings, plan, f"E{entry.number}", by)


def unfinished(settings: Settings) -> list[str]:
    """The erasures that were begun and not finished."""
    entries = read_register(register_path(settings.data_dir))
    done = {entry.facts["erasure_id"] for entry in entries if entry.kind == "erased"}
    return [f"E{entry.number}" for entry in entries if entry.kind == "erase" and f"E{entry.number}" not in done]


def finish(settings: Settings, *, by: str) -> Subject | None:
    """Finish what an earlier call began, and return whom it is about; None where nothing is unfinished."""
    waiting = unfinished(settings)
    if not waiting or not _plan_path(settings).exists():
        return None
    plan = _read_plan(settings)
    _carry_out(settings, plan, waiting[-1], by)
    return plan.subject


def _carry_out(settings: Settings, plan: Plan, erasure_id: str, by: str) -> Erased:
    with writer_lock(settings.lock_path, wait_s=WAIT_S):
        counts, files = erase_everywhere(settings, [(erasure_id, plan)])
    facts = {"erasure_id": erasure_id, "counts": counts}
    append_entry(register_path(settings.data_dir), "erased", facts, by=by)
    _plan_path(settings).unlink(missing_ok=True)
    return Erased(erasure_id, counts, files, list(unreadable_leftovers(settings)))


def erase_everywhere(settings: Settings, plans: Sequence[tuple[str, Plan]]) -> tuple[dict[str, int], list[Path]]:
    """Take what is planned out of every place; returns counts, and the reports and mails that went. Needs the lock."""
    tombstones = read_tombstones(settings.data_dir)
    named = ", ".join(sorted({erasure_id for erasure_id, _ in plans}))
    logger.info("%s: spool", named)
    forget(settings, segments_reached(settings), kept_h=0)  # what is not yet in the lake is cut when it comes
    spool = erase_from_spools(settings, tombstones)
    logger.info("%s: lake", named)
    lake = erase_from_lake(settings, tombstones)
    logger.info("%s: warehouse", named)
    with opened_line(settings) as (warehouse, _):
        for _, plan in plans:
            erase_measured(warehouse, plan.subject, plan.known, everything=plan.everything)
        note_erasures(warehouse, (erasure_id for erasure_id, _ in plans))
    old_copies = {path for path in settings.published_dir.rglob("*.duckdb") if not path.is_symlink()}
    publish_copy(settings, afresh=True)  # purchases and their flags are made anew before the file is
    rewrite(settings.warehouse_path)
    old_copies -= {path.resolve() for path in settings.published_dir.rglob("*.duckdb") if path.is_symlink()}
    files = list(dict.fromkeys(path for _, plan in plans for path in mentioned_in(settings, plan.subject, plan.known)))
    for path in [*sorted(old_copies), *files]:
        path.unlink(missing_ok=True)
    counts = {
        "spool segments written anew": spool.segments,
        "raw messages removed": spool.removed,
        "raw messages cut": spool.cut,
        **{f"rows of lake.{name}": count for name, count in lake.items() if count},
        "vehicle-dates": sum(len(plan.known.vehicle_dates) for _, plan in plans),
        "lake files deleted": vacuum_at_once(settings),
        "published copies replaced": len(old_copies),
        "reports and mails deleted": len(files),
    }
    return counts, files


def note_erasures(warehouse: duckdb.DuckDBPyConnection, erasure_ids: Iterable[str]) -> None:
    """Let the warehouse know what it was erased from; one that does not know is older, or new."""
    for erasure_id in sorted(set(erasure_ids)):
        warehouse.execute("insert or ignore into core.erasures values ($erasure)", {"erasure": erasure_id})


def _count_in_lake(warehouse: duckdb.DuckDBPyConnection, plan: Plan, view: str) -> int:
    return sum(
        warehouse.execute(
            f"select count(*) from staging.{view} where tenant_id = $tenant and device_id = $device"
            " and epoch_us(at_utc) >= $start and epoch_us(at_utc) < $end",
            {"tenant": plan.subject.tenant_id, "device": device, "start": start, "end": end},
        ).fetchall()[0][0]
        for device, start, end in plan.known.devices
    )


def mentioned_in(settings: Settings, subject: Subject, known: Known) -> list[Path]:
    """Rendered reports and mails of the tenant that show a date of it; a report of a week or month shows more."""
    days = {day for _, day in known.vehicle_dates}
    return [path for path in rendered_of(settings, subject.tenant_id) if _may_show(path.name, days)]


def rendered_of(settings: Settings, tenant_id: str) -> list[Path]:
    """Every rendered report and every mail of a tenant, reports first."""
    tenant = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in tenant_id)
    reports = [path for path in settings.reports_dir.rglob("*") if path.is_file() and f"-{tenant}-" in path.name]
    mails = [path for path in settings.mail_dir.rglob("*.eml") if _is_mail_of(path, tenant_id)]
    return sorted(reports) + sorted(mails)


def shown_days(name: str) -> list[date | None]:
    """The first and the last date that a report or mail of this name may show; null: it says none."""
    found = re.search(r"\d{4}-\d{2}-\d{2}", name)
    if found is None:
        return [None]
    day = date.fromisoformat(found[0])
    reach = timedelta(days=0 if name.startswith("daily") else WEEK_DAYS if name.startswith("weekly") else MONTH_DAYS)
    return [day - reach, day + reach]


def _may_show(name: str, days: set[date]) -> bool:
    found = re.search(r"\d{4}-\d{2}-\d{2}", name)
    if found is None:
        return bool(days)
    first = date.fromisoformat(found[0])
    if name.startswith("daily"):
        return first in days
    return any(abs((day - first).days) <= (WEEK_DAYS if name.startswith("weekly") else MONTH_DAYS) for day in days)


def _is_mail_of(path: Path, tenant_id: str) -> bool:
    return is_of_tenant(message_from_bytes(path.read_bytes(), policy=policy.default), tenant_id)


def _plan_path(settings: Settings) -> Path:
    return register_path(settings.data_dir).with_name("erasing.json")


def _write_plan(settings: Settings, plan: Plan) -> None:
    path = _plan_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(path, json.dumps(plan, default=str).encode())


def _read_plan(settings: Settings) -> Plan:
    subject, known, everything, held = json.loads(_plan_path(settings).read_text())
    periods, names, dates, devices, purchases = known
    return Plan(
        Subject(*subject[:3], *(_day(text) for text in subject[3:])),
        Known(
            [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in periods],
            names,
            [(van, date.fromisoformat(day)) for van, day in dates],
            [tuple(found) for found in devices],
            [tuple(found) for found in purchases],
        ),
        everything,
        [Held(hold_id, van, date.fromisoformat(first), date.fromisoformat(last)) for hold_id, van, first, last in held],
    )


def _day(text: Any) -> date | None:
    return None if text is None else date.fromisoformat(text)
