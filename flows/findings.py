"""How is the collecting half of the line doing: spools, their collectors, the disk? And what should a person do?

What a collector says of itself is a note in its spool folder. It is believed only while the collector holds the
spool's lock.
"""

import fcntl
import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from flows.backup.last import last_backup
from flows.settings import Settings
from ingest.handed_over import is_fetched
from ingest.health import Health, read_health
from ingest.listing import (
    DAMAGED_SUFFIX,
    IMPORTS,
    SEALED_SUFFIX,
    TORN_SUFFIX,
    Segment,
    is_unused,
    spool_folders,
)
from ingest.reached import waiting_segments
from ingest.sharing import ALONE, RETIRED, Role, is_dealt_to, is_member, role_of_spool
from ingest.shipping import shipped_number, unshipped

LAG_MIN = 60
BACKUP_DAYS = 8
SILENT_S = 60.0  # a collector writes its note every few seconds
DISCONNECTED_S = 60.0  # twice the longest pause between two tries
DISK_FREE = 0.05
DISK_FULL_BYTES = 32 << 20
ADVICE_WRITE = "it acknowledges nothing until this ends; free space or mend the disk, and it goes on by itself"
ADVICE_FULL = "collectors acknowledge nothing while the disk is full; free space and they go on by themselves"


class Finding(NamedTuple):
    """One line of the screen; `needs_person` makes the exit status 1, and the text then says what to do."""

    topic: str
    text: str
    needs_person: bool = False


def spools(settings: Settings) -> list[Finding]:
    """Look at every spool and at the collector that writes it."""
    findings = []
    waiting = waiting_segments(settings)
    members: list[Role] = []
    is_all_kept = is_one_retired = False
    for folder in spool_folders(settings.spool_dir):
        if folder.name == IMPORTS or is_fetched(folder):
            findings.append(_lag(folder, waiting.get(folder, [])))
            findings += _put_aside(folder)
            continue
        role, is_running = role_of_spool(folder), _is_held(folder / "lock")
        if not is_unused(folder) or is_running:
            findings.append(_lag(folder, waiting.get(folder, [])) if settings.spool_url is None else _unshipped(folder))
        findings += _put_aside(folder)
        if is_running:
            findings.append(collector(folder.name, role, read_health(folder), datetime.now(UTC).timestamp()))
        elif is_member(folder):
            findings.append(_stopped(folder, role, is_missed=settings.broker_url is not None or role != ALONE))
        else:
            findings.append(_gone(folder))
            is_one_retired |= (folder / RETIRED).exists()
            continue
        members.append(role)
        is_all_kept |= is_running and role == ALONE
    if is_one_retired and not members:
        text = "every one is retired, so nobody keeps what is sent: start `odograph collect`"
        findings.append(Finding("collectors", text, needs_person=True))
    if not is_all_kept:
        findings += _missing_buckets(members)
    return findings or [Finding("spool", "empty: nothing was collected yet")]


def collector(name: str, role: Role, health: Health | None, now_s: float) -> Finding:
    """Judge a running collector by what it last said of itself."""
    running = Finding(f"collector {name}", f"running{_part(role, is_running=True)}")
    if health is None:
        return running

    def wrong(text: str) -> Finding:
        return running._replace(text=f"{running.text}, {text}", needs_person=True)

    if health.write_error is not None:
        return wrong(f"cannot write its spool ({health.write_error}): {ADVICE_WRITE}")
    if now_s - health.written_s > SILENT_S:
        silent = shown_age(now_s - health.written_s)
        return wrong(f"said nothing for {silent}: look at its log, and restart it if the disk is not full")
    if health.disconnected_s > DISCONNECTED_S:
        lost = shown_age(health.disconnected_s)
        return wrong(f"no connection to the broker for {lost}: it goes on trying; look at the broker and its log")
    newest = "nothing received yet"
    if health.last_message_s is not None:
        newest = f"newest message {shown_age(max(0.0, now_s - health.last_message_s))} ago"
    counts = ((health.reconnect_count, "reconnect"), (health.clock_jump_count, "clock jump"))
    notable = [agreed(count, what) for count, what in counts if count]
    return running._replace(text=", ".join([running.text, newest, *notable]))


def disk(settings: Settings) -> list[Finding]:
    """See how much room the data directory has."""
    usage = shutil.disk_usage(settings.data_dir if settings.data_dir.exists() else Path.cwd())
    return [disk_room(usage.free, usage.total)]


def disk_room(free_bytes: int, total_bytes: int) -> Finding:
    """Judge how much room there is."""
    text = f"{free_bytes / 1e9:.1f} GB of {total_bytes / 1e9:.1f} GB free"
    if free_bytes < DISK_FULL_BYTES:
        return Finding("disk", f"full, {text}: {ADVICE_FULL}", needs_person=True)
    if free_bytes < DISK_FREE * total_bytes:
        return Finding("disk", f"nearly full, {text}: {ADVICE_FULL}", needs_person=True)
    return Finding("disk", text)


def backup(settings: Settings) -> Finding:
    """How old is the last backup? One that is made at all is made every week or more often."""
    last = last_backup(settings.data_dir)
    if last is None:
        return Finding("backup", "none was made here: `odograph backup FOLDER`, on another disk")
    old_s = (datetime.now(UTC) - last.made_utc).total_seconds()
    text = f"{shown_age(max(old_s, 0.0))} ago, {last.folder}"
    if old_s > BACKUP_DAYS * 86_400:
        return Finding("backup", f"the last one is old: {text}; run `odograph backup` by a timer", needs_person=True)
    return Finding("backup", text)


def age_s(path: Path) -> float:
    """How long ago a file was written."""
    return max(0.0, datetime.now(UTC).timestamp() - path.stat().st_mtime)


def shown_age(seconds: float) -> str:
    """A duration as people say it: seconds, minutes, hours or days."""
    for unit, unit_s, limit_s in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < limit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def agreed(count: int, noun: str) -> str:
    """A count and its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _lag(folder: Path, behind: Sequence[Segment]) -> Finding:
    sealed = list(folder.glob(f"*{SEALED_SUFFIX}"))
    size_mb = sum(path.stat().st_size for path in sealed) / 1e6
    text = f"{agreed(len(sealed), 'segment')}, {size_mb:.1f} MB"
    if not behind:
        return Finding(f"spool {folder.name}", f"{text}, all in the lake")
    oldest_s = age_s(behind[0].path)
    is_late = oldest_s > LAG_MIN * 60
    text += f", {len(behind)} not yet in the lake, the oldest for {shown_age(oldest_s)}"
    if is_late:
        text += ": run `odograph refresh`, or keep `odograph serve` running"
    return Finding(f"spool {folder.name}", text, is_late)


def _unshipped(folder: Path) -> Finding:
    """How far a spool is that others load."""
    behind = unshipped(folder)
    topic = f"spool {folder.name}"
    if not behind:
        return Finding(topic, f"handed over up to segment {shipped_number(folder)}")
    oldest_s = age_s(behind[0].path)
    is_late = oldest_s > LAG_MIN * 60
    text = f"{agreed(len(behind), 'segment')} not yet handed over, the oldest for {shown_age(oldest_s)}"
    if is_late:
        text += ": keep `odograph collect` running, and look at its log for what the store says"
    return Finding(topic, text, is_late)


def _put_aside(folder: Path) -> list[Finding]:
    """A torn end was never acknowledged, so its messages came again; what was damaged may be gone."""
    findings = []
    for suffix, advice, needs_person in (
        (TORN_SUFFIX, "cut off by a crash, never acknowledged, so they came again; may be deleted", False),
        (DAMAGED_SUFFIX, "spoiled on disk: look at the disk, save what can be read, then delete them", True),
    ):
        found = sorted(folder.glob(f"*{suffix}"))
        if found:
            named = ", ".join(f"{path.name} ({path.stat().st_size / 1e3:.1f} kB)" for path in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            topic = f"{suffix.removeprefix('.')} {folder.name}"
            findings.append(Finding(topic, f"{named}{more} in {folder}: {advice}", needs_person))
    return findings


def _stopped(folder: Path, role: Role, *, is_missed: bool) -> Finding:
    text = f"not running{_part(role, is_running=False)}"
    if is_missed:
        start = f"start `odograph collect` with ODOGRAPH_COLLECTOR={folder.name}"
        text += f": {start} or, if it is not to come back, {_leaving(folder)}`touch {folder / RETIRED}`"
    return Finding(f"collector {folder.name}", text, is_missed)


def _leaving(folder: Path) -> str:
    """What comes before a collector may be retired: only it can make the broker deal it nothing more."""
    if not is_dealt_to(folder):
        return ""
    return (
        f"start it once with ODOGRAPH_COLLECTOR={folder.name} and without ODOGRAPH_SHARED_GROUP, give it some minutes"
        " to take what was parked, stop it, and only then "
    )


def _gone(folder: Path) -> Finding:
    topic = f"collector {folder.name}"
    if not (folder / RETIRED).exists():
        return Finding(topic, f"never began to collect; delete {folder} if it is not to")
    if is_dealt_to(folder):
        text = "retired too early, the broker goes on dealing to it and parks that"
        return Finding(topic, f"{text}: {_leaving(folder)}`touch {folder / RETIRED}`", needs_person=True)
    return Finding(topic, "retired")


def _part(role: Role, *, is_running: bool) -> str:
    if role.group is not None:
        parked = "" if is_running else "; the broker goes on dealing to it and parks that until it is back"
        return f", member of the shared group {role.group}{parked}"
    if role.of_parts > 1:
        waits = "" if is_running else "; the broker keeps its part until it is back"
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
    ]


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
