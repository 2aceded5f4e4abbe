"""How does a driver, or a court, get everything that is known of a driver or a vehicle?

A folder or a zip file that people can read: the raw messages, the rows of lake, core and marts as CSV, and a manifest
with the SHA-256 of each file, the queries, the version of the code, the copy it is of, how times are told and which
quality flags stand on the days. Two exports of the same state are equal byte by byte, so that whoever has the digest of
the manifest, which the register keeps, can tell that nothing was changed since. What is about others is left out.
"""

import json
import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import duckdb
import polars as pl

from flows.opening import opened_line
from flows.privacy.access import record_access
from flows.privacy.erasing import NothingKnown, mentioned_in
from flows.querying import open_published
from flows.refresh import refresh
from flows.settings import Settings
from ingest.adapters.sources import read_sources
from ingest.received import received_messages
from ingest.register import append_entry, register_path
from ingest.spool import read_segment, sealed_segments, spool_folders
from ingest.spool_erasing import concerned_part
from ingest.tombstones import Range, Tombstone, Tombstones, keyed_digest, own_key
from warehouse.connection import sql, writer_lock
from warehouse.erasing import fill_subject, tables_of_subject
from warehouse.subjects import Known, Subject, is_told_of, known_of, nothing_known

WAIT_S = 60.0
TIMES = (
    "Instants end in _utc and are UTC. A service date is the local date of the instant less four hours, in the zone of"
    " the van's depot, and within the window of a plan the plan's; core/vehicle_dates.csv names the zone of each date."
)


class Exported(NamedTuple):
    """What an export wrote; `digest` is the SHA-256 of its manifest."""

    path: Path
    files: int
    rows: int
    digest: str


class CannotExport(Exception):
    """There is something in the way where the export was to be written."""


def export(settings: Settings, subject: Subject, out: Path, *, reason: str, by: str) -> Exported:
    """Write everything known of a subject to a folder, or to a zip file where `out` ends in .zip; note it."""
    if out.exists():
        raise CannotExport(f"{out} exists already; name a new folder or .zip file")
    record_access(
        settings,
        "privacy export",
        subject.kind,
        subject.subject_id,
        tenant=subject.tenant_id,
        from_date=subject.from_date,
        to_date=subject.to_date,
        purpose=reason,
    )
    refresh(settings)
    folder = out.with_name(out.name + ".part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with writer_lock(settings.lock_path, wait_s=WAIT_S), opened_line(settings) as (warehouse, _):
        known = known_of(warehouse, subject, settings.timezone)
        if not is_told_of(warehouse, subject):
            shutil.rmtree(folder)
            raise NothingKnown(nothing_known(warehouse, subject))
        fill_subject(warehouse, subject, known)
        tables = list(_tables(warehouse, folder, subject))
        flags = _flags(warehouse)
    files = {"raw/messages.jsonl": {"rows": _raw_messages(settings, subject, known, folder)}} | dict(tables)
    manifest = {
        "subject": {"tenant_id": subject.tenant_id, "kind": subject.kind, "id": subject.subject_id},
        "periods": [[first.isoformat(), last.isoformat()] for first, last in known.periods],
        "vehicle_dates": [[vehicle_id, day.isoformat()] for vehicle_id, day in known.vehicle_dates],
        "code_version": version("odograph"),
        "generation": _generation(settings),
        "times": TIMES,
        "default_zone": settings.timezone,
        "quality_flags": flags,
        "shown_in": [str(path.relative_to(settings.data_dir)) for path in mentioned_in(settings, subject, known)],
        "files": {name: {"sha256": _digest(folder / name), **told} for name, told in sorted(files.items())},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False, default=str) + "\n"
    (folder / "manifest.json").write_text(text)
    digest = sha256(text.encode()).hexdigest()
    _put(folder, out)
    key = own_key(settings.data_dir)
    facts = {
        "tenant_id": subject.tenant_id,
        "kind": subject.kind,
        "subject": keyed_digest(key, subject.kind, subject.tenant_id, subject.subject_id),
        "manifest_sha256": digest,
        "reason": reason,
    }
    append_entry(register_path(settings.data_dir), "export", facts, by=by)
    return Exported(out, len(files), sum(int(str(told["rows"])) for told in files.values()), digest)


def _tables(
    warehouse: duckdb.DuckDBPyConnection, folder: Path, subject: Subject
) -> Iterator[tuple[str, dict[str, object]]]:
    """Write each table that holds rows of the subject; its name, and how many rows by which query."""
    for table, query in tables_of_subject(warehouse, subject).items():
        name = table.replace(".", "/") + ".csv"
        frame = warehouse.sql(f"from ({query}) order by all").pl()
        if frame.height:
            (folder / name).parent.mkdir(exist_ok=True, mode=0o700)
            _as_text(frame).write_csv(folder / name)
            yield name, {"rows": frame.height, "query": query}


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """CSV has no lists, structs and bytes: they become JSON and text."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
    return frame.with_columns(
        pl.Series(name, [_cell(value) for value in frame[name].to_list()], pl.String) for name in nested
    )


def _cell(value: object) -> str | None:
    if value is None:
        return None
    return value.decode(errors="replace") if isinstance(value, bytes) else json.dumps(value, default=str)


def _raw_messages(settings: Settings, subject: Subject, known: Known, folder: Path) -> int:
    """Write what the spools still have about the subject, in the order it arrived; returns how many messages."""
    wanted, sources = _as_wanted(subject, known), read_sources(settings)
    (folder / "raw").mkdir(mode=0o700)
    count = 0
    with (folder / "raw" / "messages.jsonl").open("w") as file:
        for spool in spool_folders(settings.spool_dir):
            for segment in sealed_segments(spool):
                for received in received_messages(read_segment(segment.path), segment.spool_id, segment.number):
                    part = concerned_part(received, wanted, sources)
                    if part is None:
                        continue
                    told = {
                        "received_us": received.received_us,
                        "topic": received.topic_text,
                        "segment": f"{segment.spool_id}/{segment.number}",
                        "payload_hash": received.payload_hash,
                        "is_whole": part == received.payload,
                        "payload": part.decode(errors="replace"),
                    }
                    file.write(json.dumps(told, ensure_ascii=False) + "\n")
                    count += 1
    return count


def _as_wanted(subject: Subject, known: Known) -> Tombstones:
    """The subject as a tombstone names it: what would go is what is wanted."""
    key = b"export"

    def digest(*parts: object) -> str:
        return keyed_digest(key, *parts)

    tenant_id = subject.tenant_id
    devices: dict[str, list[Range]] = {}
    for device, start, end in known.devices:
        devices.setdefault(digest("device", tenant_id, device), []).append((start, end))
    stone = Tombstone(
        "export",
        tenant_id,
        subject.kind,
        frozenset(digest(subject.kind, tenant_id, name) for name in (subject.subject_id, *known.names)),
        known.is_whole,
        known.periods,
        devices,
        frozenset(digest("purchase", tenant_id, *found) for found in known.purchases),
    )
    return Tombstones(key, [stone])


def _flags(warehouse: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    rows = warehouse.execute(sql("privacy/flags.sql")).fetchall()
    return {f"{vehicle_id} {day}": flags for vehicle_id, day, flags in rows}


def _generation(settings: Settings) -> str:
    with open_published(settings.published_path) as published:
        return str(published.execute("select generation_id from core.generation").fetchall()[0][0])


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _put(folder: Path, out: Path) -> None:
    """Give the export its name when all of it is there; nobody may write to it any more."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        path.chmod(0o400)
    if out.suffix != ".zip":
        folder.rename(out)
        return
    part = out.with_name(out.name + ".writing")
    with ZipFile(part, "w", ZIP_DEFLATED) as archive:
        for path in files:
            # A fixed date, so that equal exports are equal.
            entry = ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o400 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    os.chmod(part, 0o400)
    part.rename(out)
    shutil.rmtree(folder)
