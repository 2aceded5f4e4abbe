"""Are the promises kept when everything fails at once? A campaign that runs the whole line, breaks it, and checks.

    publishers with outboxes -> mosquitto -> collectors -> spool -> refresh -> lake -> published copy -> analysts, mails

All parts are real processes. One loop on this process's main thread injects faults from a seeded plan and starts again
what it ended. Afterwards what is left is let finish, and each promise is checked against what the publishers wrote
down, what the mail server took, what analysts saw, and other lines that were handed the same messages in peace.
"""

import heapq
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from flows.chaos import again, evidence, promises, truth
from flows.chaos.clocks import Clocks
from flows.chaos.disk import SmallDisk
from flows.chaos.guarded import GuardedBroker
from flows.chaos.line import REFRESH, Line, Part, at_once, collector_names, collectors
from flows.chaos.mails import Mails, Post, mail_server
from flows.chaos.plan import CLOCK_JUMP_S, CLOCK_LASTS_S, DEVICES, LASTS_S, TENANTS, Plan
from flows.chaos.publisher import POINTS_A_MESSAGE, SILENT_EVERY, SILENT_S, STALL_S, STOP, message
from flows.refresh import refresh
from flows.settings import Settings

TICK_S = 0.01
KEPT_GOING_EVERY_S = 0.1
TOLD_EVERY_S = 5.0
WARM_MESSAGES = 200
STINT_S = 10  # of an analyst, who says at the end of it what was seen
KEEPS_DAYS = 25  # older positions would come close to the thirty days after which they are quarantined
Tell = Callable[[str], None]


class Outcome(NamedTuple):
    """The outcome of a campaign; `notes` say what could not be done here, `last_words` are the ends of logs."""

    plan: Plan
    faults: dict[str, int]
    findings: list[promises.Finding]
    ended_badly: dict[str, int]  # processes that ended by themselves with an error, and were started again
    seconds: float
    notes: list[str]
    last_words: list[str]

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.faults.items() if name.endswith("killed"))

    @property
    def holds(self) -> bool:
        """Whether no promise was broken."""
        return not any(finding.broken for finding in self.findings)


class TooLong(Exception):
    """So many messages would be of more weeks than positions are taken for."""


def first_day_s(plan: Plan, now: datetime) -> int:
    """When the van of the first device sets out: so that the last of all positions is some days old, and none too old.

    Each device has a day of its own, so that reports are about several.
    """
    a_second = plan.messages_per_s / len(TENANTS) / DEVICES * POINTS_A_MESSAGE * (1 + SILENT_S / SILENT_EVERY)
    drives = timedelta(minutes=plan.minutes * 1.5 * a_second) + timedelta(seconds=2 * CLOCK_JUMP_S)
    first = (now - drives - timedelta(days=DEVICES)).replace(hour=12, minute=0, second=0, microsecond=0)
    if now - first > timedelta(days=KEEPS_DAYS):
        raise TooLong("the vans would drive for weeks: ask for fewer minutes or messages a second")
    return int(first.timestamp())


def run_campaign(folder: Path, plan: Plan, tell: Tell) -> Outcome:
    """Run everything and break it, let it finish, and check. `tell` hears how far it is, every few seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    start_s = first_day_s(plan, datetime.now(UTC))
    chance = random.Random(plan.seed)
    settings = again.settings_in((folder / "data").absolute())
    tell("first a day in peace, so that no kill falls into compiling kernels")
    again.tidy(folder / "warm", (message(TENANTS[0], number, start_s) for number in range(WARM_MESSAGES)))
    clocks = Clocks(folder / "clocks", may_jump="clock jumps" in plan.faults)
    with ExitStack() as stack:
        disk = SmallDisk(folder / "data") if "everybody's disk full" in plan.faults else None
        if disk is not None:
            stack.callback(disk.close, keep=True)
        lines: list[Line] = []
        broker = stack.enter_context(GuardedBroker(folder / "broker", TENANTS, collector_names(plan.collectors)))
        post = None
        if plan.has_mails:
            post = stack.enter_context(
                mail_server(random.Random(plan.seed), lambda: _kill_sender(lines), TENANTS, folder)
            )
        line = Line(folder, broker, chance, _parts(plan, broker, settings, start_s, post), clocks=clocks, disk=disk)
        lines.append(line)
        stack.callback(line.stop)
        tell("waiting for the first published copy")
        line.wait_for(settings.published_path)
        began_s = monotonic()
        faults = _suffer(line, plan, chance, folder, began_s, tell)
        tell("no more faults: waiting for the last receipts")
        (folder / STOP).touch()
        line.drain("publisher", 2 * STALL_S)
        line.end("refresh", None)
        line.end("poster", signal.SIGKILL)
        line.end("collector", signal.SIGTERM)
        tell("the last refresh")
        refresh(settings)
        line.end("analyst", None)
        mails = None
        if post is not None:
            tell("the last mails")
            mails = post.finish(settings)
        tell("checking")
        findings = _checked(folder, plan, settings, line, mails)
        notes = _notes(plan, disk, clocks)
    return Outcome(
        plan=plan,
        faults=dict(faults),
        findings=findings,
        ended_badly=dict(line.ended_badly),
        seconds=monotonic() - began_s,
        notes=notes,
        last_words=line.last_words(),
    )


def _parts(plan: Plan, broker: GuardedBroker, settings: Settings, start_s: int, post: Post | None) -> list[Part]:
    parts = [*collectors(plan.collectors, plan.shared_group, broker), REFRESH]
    for tenant, other in zip(TENANTS, TENANTS[::-1], strict=True):
        rate = str(plan.messages_per_s / len(TENANTS))
        words = ("flows.chaos.publisher", broker.url_of(f"gateway-{tenant}"), ".", tenant, other, rate, str(start_s))
        parts.append(Part("publisher", f"publisher-{tenant}", words))
    for number in range(plan.analysts):
        asking = ("flows.bench.readers.analyst", str(settings.published_dir), str(STINT_S), str(plan.seed + number))
        parts.append(Part("analyst", f"analyst-{number}", asking, needs=settings.published_path))
    return parts if post is None else [*parts, post.part(settings.published_path)]


def _suffer(line: Line, plan: Plan, chance: random.Random, folder: Path, began_s: float, tell: Tell) -> Counter[str]:
    """Let faults happen until the time is over or enough was killed; say now and then how far it is."""
    faults: Counter[str] = Counter()
    told_s = 0.0
    for fault in _befallen(line, plan, chance, began_s + 60 * plan.minutes):
        if fault:
            faults[fault] += 1
        if monotonic() - told_s >= TOLD_EVERY_S:
            told_s = monotonic()
            sent, confirmed = _counted(folder)
            tell(
                f"{monotonic() - began_s:5.0f} s: {faults.total()} faults;"
                f" messages {sent:,} sent, {confirmed:,} stored; refreshes {line.ended_well['refresh']}"
            )
        if plan.kills and sum(found for name, found in faults.items() if name.endswith("killed")) >= plan.kills:
            break
    return faults


def _befallen(line: Line, plan: Plan, chance: random.Random, until_s: float) -> Iterator[str]:
    """Let faults happen until the end of the campaign, each named, and an empty name often; at the end all are over."""
    due = [(monotonic() + chance.uniform(*pause_s), fault) for fault, pause_s in plan.faults.items()]
    ends: list[tuple[float, int, Callable[[], None]]] = []
    numbers = count()
    heapq.heapify(due)
    kept_s = 0.0
    try:
        while monotonic() < until_s:
            while ends and ends[0][0] <= monotonic():
                heapq.heappop(ends)[2]()
            if due[0][0] <= monotonic():
                _, fault = heapq.heappop(due)
                end = line.befall(fault)
                lasts_s = 0.0
                if end is not None and end is not at_once:
                    lasts_s = chance.uniform(*(CLOCK_LASTS_S if fault == "clock jumps" else LASTS_S))
                    heapq.heappush(ends, (monotonic() + lasts_s, next(numbers), end))
                heapq.heappush(due, (monotonic() + lasts_s + chance.uniform(*plan.faults[fault]), fault))
                yield fault if end is not None else ""
            if monotonic() - kept_s > KEPT_GOING_EVERY_S:
                kept_s = monotonic()
                line.keep_going()
                yield ""
            sleep(TICK_S)
    finally:
        for _, _, end in ends:
            end()
        line.keep_going()


def _counted(folder: Path) -> tuple[int, int]:
    """Messages sent and confirmed so far, about: a whole line of the one is not read for it."""
    sent = sum(path.read_bytes().count(b"\n") for path in folder.glob("sent-*.tsv"))
    confirmed = 0
    for path in folder.glob("confirmed-????*"):
        with suppress(ValueError, OSError):
            confirmed += int(path.read_text()) if path.suffix != ".new" else 0
    return sent, confirmed


def _kill_sender(lines: list[Line]) -> None:
    pid = lines[0].pid_of("poster") if lines else None
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _checked(folder: Path, plan: Plan, settings: Settings, line: Line, mails: Mails | None) -> list[promises.Finding]:
    sent, stored = truth.read_sent(folder, TENANTS), evidence.read_stored(settings)
    messages = list(truth.sent_messages(folder, TENANTS))
    replay = evidence.differing(settings, again.replayed(folder / "replayed", settings))
    in_order = again.tidy(folder / "tidy", messages)
    shuffled = again.shuffled(folder / "shuffled", messages, plan.seed)
    refresh(settings, full=True)
    rebuilt = evidence.differing(settings, in_order)
    said = sorted(folder.glob("analyst-*.said"))
    return [
        promises.nothing_lost(sent, stored),
        promises.nothing_twice(
            sent, stored, {"the spool replayed into an empty line": replay, "all dates rebuilt": rebuilt}
        ),
        promises.order_free(
            sent.messages,
            len(evidence.COMPARED),
            {
                "as sent, without a fault": evidence.differing(settings, in_order),
                "shuffled, split and repeated": evidence.differing(shuffled, in_order),
            },
        ),
        promises.seconds_once(evidence.vehicle_dates(settings), evidence.failed_checks(settings)),
        promises.silence_unknown(
            truth.time_in_states(sent.points), evidence.ledger_states(settings), truth.silence_count(sent.points)
        ),
        promises.readers_served(evidence.read_seen(said, line.ended_well["refresh"]) if plan.analysts else None),
        promises.numbers_traced(evidence.read_traced(settings, plan.seed)),
        promises.mails_once(mails),
        promises.tenants_apart(sent.trespasses, evidence.trespassed_rows(settings), evidence.foreign_rows(settings)),
        promises.memory_bounded(line.peak_kib),
    ]


def _notes(plan: Plan, disk: SmallDisk | None, clocks: Clocks) -> list[str]:
    """What could not be done on this machine."""
    notes = []
    if disk is not None and not disk.is_mounted:
        notes.append(
            "no file system of our own could be mounted (needs root): only files of a collector hit a full disk"
        )
    if "clock jumps" in plan.faults and not clocks.can_jump:
        notes.append("no clock jumped: that needs a C compiler (apt-get install gcc)")
    return notes
