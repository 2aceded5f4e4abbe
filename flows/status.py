"""How is the line doing? One screen, and whether something needs a person."""

import fcntl
import os
import shutil
import socket
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.querying import NothingPublished, open_published
from flows.refresh import REFRESHED
from flows.refusals import NOT_THEIRS, read_refusals
from flows.settings import Settings
from ingest.collector import DEFAULT_BROKER_URL
from ingest.lake import waiting_segments
from ingest.sharing import ALONE, Role, role_of_spool
from ingest.spool import spool_folders

STALE_H = 26  # a published copy older than a day and the two hours a refresh may be late
LAG_MIN = 60
DISK_FREE = 0.05
SHOWN_NAMES = 5


class Finding(NamedTuple):
    """One line of the screen; `needs_person` makes the exit status 1."""

    topic: str
    text: str
    needs_person: bool = False


def print_status(settings: Settings) -> bool:
    """Print the screen; True when nothing needs a person."""
    findings = [
        *_broker(settings),
        *_refused(settings),
        *_spools(settings),
        *_published(settings),
        *_mail(settings),
        *_disk(settings),
    ]
    table = Table(show_header=False, box=None, pad_edge=False)
    for found in findings:
        mark = "[red]attention[/red]" if found.needs_person else "[green]ok[/green]"
        table.add_row(mark, found.topic, found.text)
    Console().print(table)
    return not any(found.needs_person for found in findings)


def _broker(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.broker_url or DEFAULT_BROKER_URL)
    host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        with socket.create_connection((host, port), timeout=2):
            return [Finding("broker", f"{parts.scheme}://{host}:{port} answers")]
    except OSError as error:
        is_wanted = settings.broker_url is not None
        return [Finding("broker", f"{parts.scheme}://{host}:{port} does not answer ({error})", is_wanted)]


def _refused(settings: Settings) -> list[Finding]:
    if settings.broker_log is None:
        return [Finding("refused", "not known: ODOGRAPH_BROKER_LOG names no log of the broker")]
    try:
        found = read_refusals(settings.broker_log)
    except OSError as error:
        return [Finding("refused", f"cannot read {settings.broker_log}: {error.strerror}", needs_person=True)]
    listed = []
    for kind, count in found.counts.most_common():
        who = ", ".join(f"{name} {times}" for name, times in found.names.get(kind, Counter()).most_common(SHOWN_NAMES))
        listed.append(f"{count} {kind}" + (f" ({who})" if who else ""))
    text = f"since {datetime.fromtimestamp(found.since_s, UTC):%m-%d %H:%M} UTC: {'; '.join(listed) or 'nobody'}"
    if not found.denied_are_logged:
        text += "; messages to topics of others are refused and not in this log (broker-config --log-denied)"
    # The world knocks at every open port. One of ours that writes as another is broken, or no longer ours.
    return [Finding("refused", escape(text), found.counts[NOT_THEIRS] > 0)]


def _spools(settings: Settings) -> list[Finding]:
    findings = []
    waiting = waiting_segments(settings)
    for folder in spool_folders(settings.spool_dir):
        running = _is_held(folder / "lock")
        sealed = list(folder.glob("*.parquet"))
        size_mb = sum(path.stat().st_size for path in sealed) / 1e6
        behind = waiting.get(folder, [])
        oldest_min = (_age_s(behind[0].path) / 60) if behind else 0.0
        text = f"{len(sealed)} segments, {size_mb:.1f} MB, {len(behind)} not yet in the lake"
        if behind:
            text += f", the oldest for {oldest_min:.0f} min"
        findings.append(Finding(f"spool {folder.name}", text, oldest_min > LAG_MIN))
        role = role_of_spool(folder)
        state = "running" if running else "not running"
        is_missed = not running and (settings.broker_url is not None or role != ALONE)
        findings.append(Finding(f"collector {folder.name}", f"{state}{_part(role, running=running)}", is_missed))
    findings += _missing_buckets([role_of_spool(folder) for folder in spool_folders(settings.spool_dir)])
    return findings or [Finding("spool", "empty: nothing was collected yet")]


def _part(role: Role, *, running: bool) -> str:
    if role.group is not None:
        parked = "" if running else "; the broker goes on dealing to it and parks that until it is back: start it"
        return f", member of the shared group {role.group}{parked}"
    if role.of_parts > 1:
        waits = "" if running else "; the broker keeps its part until it is back"
        return f", keeps part {role.number} of {role.of_parts}{waits}"
    return ""


def _missing_buckets(roles: Sequence[Role]) -> list[Finding]:
    """A part that no collector keeps would be acknowledged by the others and lost."""
    counts = {role.of_parts for role in roles if role.of_parts > 1}
    return [
        Finding(
            "collectors",
            f"nobody keeps part {', '.join(map(str, missing))} of {count}: start a collector with each missing"
            f" ODOGRAPH_BUCKET, or let one keep all",
            needs_person=True,
        )
        for count in sorted(counts)
        if (missing := sorted(set(range(1, count + 1)) - {role.number for role in roles if role.of_parts == count}))
        and ALONE not in roles
    ]


def _published(settings: Settings) -> list[Finding]:
    try:
        with open_published(settings.published_path) as published:
            return [
                *_freshness(published, settings.published_dir / REFRESHED),
                *_vehicles(published),
                *_devices(published),
                *_rates(published),
                *_rejects(published),
            ]
    except NothingPublished as nothing:
        return [Finding("published copy", str(nothing), needs_person=True)]


def _freshness(published: duckdb.DuckDBPyConnection, refreshed: Path) -> list[Finding]:
    published_utc, code = published.execute("select published_utc, code_version from core.generation").fetchall()[0]
    age_h = _age_s(refreshed) / 3600 if refreshed.exists() else STALE_H + 1
    text = f"{published_utc:%Y-%m-%d %H:%M} UTC, by version {code}; last refresh {age_h:.1f} h ago"
    waiting = published.execute("select count(distinct service_date) from core.reopened").fetchall()[0][0]
    return [
        Finding("published copy", text, age_h > STALE_H),
        Finding("checks", f"{waiting} service dates held back" if waiting else "all passed", waiting > 0),
    ]


def _vehicles(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    findings = []
    rows = published.execute(
        "select tenant_id, max(service_date), arg_max(vehicles_heard, service_date),"
        " arg_max(coverage, service_date) from marts.fleet_days group by tenant_id order by tenant_id"
    ).fetchall()
    for tenant, day, heard, coverage in rows:
        share = "n/a" if coverage is None else f"{coverage:.1%}"
        findings.append(Finding(f"tenant {tenant}", f"{day}: {heard} vehicles heard, coverage {share}"))
    silent = published.execute(
        "select planned.tenant_id, planned.vehicle_id, planned.service_date from core.planned_routes as planned"
        " anti join core.vehicle_dates using (tenant_id, vehicle_id, service_date)"
        " where planned.service_date = (select max(service_date) from core.vehicle_dates as heard"
        " where heard.tenant_id = planned.tenant_id) order by all"
    ).fetchall()
    if silent:
        named = ", ".join(f"{tenant}/{vehicle}" for tenant, vehicle, _ in silent[:10])
        findings.append(
            Finding("silent vans", f"{len(silent)} with a plan and without a position: {named}", needs_person=True)
        )
    return findings


def _devices(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """A device that fell silent while its van ran needs a look; one that nobody registered needs a name."""
    counted = published.execute(
        "select state, count(*) from marts.device_status group by state order by state"
    ).fetchall()
    lost = _named(published, "state = 'non_communicating' and is_registered")
    unregistered = _named(published, "not is_registered")
    text = ", ".join(f"{count} {state}" for state, count in counted) or "none was heard"
    findings = [Finding("devices", text)]
    if lost:
        text = (
            f"silent for more than a day with the engine on when last heard: {lost}; look at the tracker and its power"
        )
        findings.append(Finding("lost devices", text, needs_person=True))
    if unregistered:
        text = f"not registered: {unregistered}; name their vehicles with `odograph import assignments`"
        findings.append(Finding("unregistered", text))
    return findings


def _named(published: duckdb.DuckDBPyConnection, condition: str) -> str:
    rows = published.execute(
        f"select tenant_id || '/' || device_id from marts.device_status where {condition} order by all"
    ).fetchall()
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return ", ".join(row[0] for row in rows[:10]) + more


def _rates(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    """Report the busiest van; nothing is ever held back for its rate."""
    rows = published.execute(
        "select tenant_id || '/' || vehicle_id, service_date, peak_messages_per_min from marts.data_health"
        " where service_date = (select max(service_date) from marts.data_health) and peak_messages_per_min is not null"
        " order by 3 desc, 1 limit 1"
    ).fetchall()
    return [Finding("rates", f"{day}: at most {peak} messages a minute, from {who}") for who, day, peak in rows]


def _rejects(published: duckdb.DuckDBPyConnection) -> list[Finding]:
    rows = published.execute(
        "select reason, count(*), sum(seen_count) from lake.rejects group by reason order by 2 desc, 1"
    ).fetchall()
    listed = ", ".join(f"{reason} {count}" for reason, count, _ in rows)
    return [Finding("rejects", listed or "none")]


def _mail(settings: Settings) -> list[Finding]:
    if settings.smtp_url is None:
        written = len(list(settings.mail_dir.glob("*.eml")))
        return [Finding("mail", f"no ODOGRAPH_SMTP_URL: written as files, {written} so far in {settings.mail_dir}")]
    return [Finding("mail", f"sent through {urlsplit(settings.smtp_url).hostname}")]


def _disk(settings: Settings) -> list[Finding]:
    where = settings.data_dir if settings.data_dir.exists() else Path.cwd()
    usage = shutil.disk_usage(where)
    text = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB free"
    return [Finding("disk", text, usage.free < DISK_FREE * usage.total)]


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _age_s(path: Path) -> float:
    return max(0.0, datetime.now(UTC).timestamp() - path.stat().st_mtime)
