"""Who looked at whose track, when, of which period, and why?

Every command of ours that shows a person where a van was writes one line before it reads: to a file that only grows,
`privacy/access.jsonl` under the data directory, readable by its owner only and on disk when the command goes on. A read
that cannot be written down does not happen. Whoever opens the published file with other tools is not seen here; the
rights on that file say who can.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from getpass import getuser
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from flows.settings import Settings
from ingest.durable import FILE_MODE, replace_file, sync_path, write_all
from warehouse.retention import Due

FOLDER_MODE = 0o700
NOT_STATED = "not stated"
QUERY = "query"  # the kind of read whose subject is a text
PLACES = {"payload", "homes", "fix"}  # columns that tell where a van was, beside all with these words in their names
PLACE_WORDS = re.compile("latitude|longitude")
# Places of theirs are not those of a van. Planned stops are: with their times of arrival they are its track.
NOT_OF_VANS = {"depots", "stations", "jurisdictions", "planned_routes", "fuel_lines", "fuel_purchases"}


class AccessNotRecorded(Exception):
    """The access log cannot be written, so nothing was read."""


class Access(NamedTuple):
    """One read; `subject` is a vehicle, a driver, a purchase or, with kind `query`, the text of one."""

    at_utc: str
    who: str
    command: str
    tenant_id: str | None
    kind: str
    subject: str
    from_date: str | None
    to_date: str | None
    purpose: str


def access_path(data_dir: Path) -> Path:
    """Where the access log of a data directory lies."""
    return data_dir / "privacy" / "access.jsonl"


def record_access(
    settings: Settings,
    command: str,
    kind: str,
    subject: str,
    *,
    tenant: str | None = None,
    from_date: date | None = None,
    to_date: date | None = None,
    purpose: str | None = None,
) -> None:
    """Write down one read; it is on disk when this returns. Raises AccessNotRecorded where it cannot be."""
    told = Access(
        datetime.now(UTC).isoformat(timespec="milliseconds"),
        settings.user or getuser(),
        command,
        tenant,
        kind,
        subject,
        None if from_date is None else from_date.isoformat(),
        None if to_date is None else to_date.isoformat(),
        (purpose or settings.purpose or "").strip() or NOT_STATED,
    )
    path = access_path(settings.data_dir)
    try:
        _append(path, told)
    except OSError as error:
        raise AccessNotRecorded(f"{path} cannot be written ({error.strerror}), so nothing was read") from error


def _append(path: Path, told: Access) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    descriptor = _locked(path)
    try:
        # A line that a crash tore stays, ended here, so that it cannot spoil this one.
        is_torn = (
            os.lseek(descriptor, 0, os.SEEK_END) and os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1) != b"\n"
        )
        write_all(
            descriptor, (b"\n" if is_torn else b"") + json.dumps(told._asdict(), ensure_ascii=False).encode() + b"\n"
        )
        os.fsync(descriptor)
        sync_path(path.parent)
    finally:
        os.close(descriptor)


def read_accesses(path: Path) -> list[Access]:
    """Every read that was written down, oldest first."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(Access(**json.loads(line)))
        except (ValueError, TypeError):
            continue  # torn by a crash: its command never went on to read
    return found


def chosen_accesses(accesses: Iterable[Access], tenant: str | None, subject: str | None) -> list[Access]:
    """The reads of this tenant and of this vehicle, driver or purchase, with those that may include it.

    A query says neither whom it is about nor, on the copy for all, which tenant: it may be about anybody.
    """
    return [
        found
        for found in accesses
        if tenant is None or found.tenant_id == tenant or (found.tenant_id is None and found.kind == QUERY)
        if subject is None or subject == found.subject or found.kind == QUERY
    ]


def expire_access(path: Path, before: date | None, *, dry_run: bool) -> list[Due]:
    """Drop the lines of reads before a date, by a new file that takes the place of the old one."""
    if before is None or not path.exists():
        return []
    descriptor = _locked(path)
    try:
        known = read_accesses(path)
        kept = [found for found in known if found.at_utc[:10] >= before.isoformat()]
        gone = len(known) - len(kept)
        if gone and not dry_run:
            _replace(path, kept)
    finally:
        os.close(descriptor)
    return [Due("access_log", "", before, gone, None, 0)] if gone else []


def reads_places(published: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a query would read where vans were, by its plan: views and macros are seen through.

    What cannot be planned counts as such a read, and so does any file that is named in the query.
    """
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error:
        return False  # no query: it will say so itself
    for statement in statements:
        try:
            plans = json.loads(published.execute(f"explain (format json) {statement.query}").fetchall()[0][1])
        except (duckdb.Error, ValueError, IndexError):
            if statement.type in (duckdb.StatementType.SELECT, duckdb.StatementType.COPY, duckdb.StatementType.MULTI):
                return True
            continue
        if any(_tells_places(node) for node in _nodes(plans)):
            return True
    return False


def _tells_places(node: dict[str, Any]) -> bool:
    facts = node.get("extra_info", {})
    table = str(facts.get("Table", "")).rpartition(".")[2]
    if table in NOT_OF_VANS or not (table or "Function" in facts):
        return False
    if facts.get("Function") in ("PARQUET_SCAN", "READ_CSV", "READ_CSV_AUTO", "READ_JSON", "READ_JSON_AUTO"):
        return True
    read = facts.get("Projections", [])
    names = [*([read] if isinstance(read, str) else read), *re.findall(r"\w+", str(facts.get("Filters", "")))]
    return any(name in PLACES or PLACE_WORDS.search(name) for name in names)


def _nodes(plans: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for node in plans:
        yield node
        yield from _nodes(node.get("children", []))


def _locked(path: Path) -> int:
    """Open the file for appending once nobody else holds it; a file that was replaced meanwhile is opened anew."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
        os.close(descriptor)


def _replace(path: Path, kept: list[Access]) -> None:
    lines = "".join(json.dumps(found._asdict(), ensure_ascii=False) + "\n" for found in kept)
    replace_file(path, lines.encode())
