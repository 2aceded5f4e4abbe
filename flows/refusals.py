"""Whom did the broker refuse lately, and why? Read from mosquitto's log.

Written for the log of a mosquitto.conf by `odograph broker-config`, whose lines begin with the time in seconds.
Only the end of a long log is read. Who could not prove a name has none; who could is named by it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import NamedTuple

from ingest.access import Rule, may_hear

Rules = Mapping[str, Sequence[Rule]]

LOOKED_BACK_S = 86_400
READ_BYTES = 64 << 20

NOT_THEIRS = "messages to topics that are not theirs"
NOT_THEIRS_TO_HEAR = "subscriptions to topics that are not theirs"
# What a line says, and why it was written; the first that fits decides. A group named `who` is a client.
KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Denied PUBLISH from (?P<who>.*?) \(d"), NOT_THEIRS),
    (re.compile(r"disconnected, not authorised"), "bad or missing passwords"),
    (re.compile(r"did not return a certificate"), "connections without a certificate"),
    (re.compile(r"certificate verify failed"), "certificates that are foreign, expired or revoked"),
    (re.compile(r"wrong version number|http request|unsupported protocol|no shared cipher"), "connections without TLS"),
    (re.compile(r"Client (?P<who>.*?) disconnected due to oversize p"), "packets that were too large"),
)
# mosquitto grants these and then sends nothing, so only the rules tell which of them are refused.
SUBSCRIBED = re.compile(r"(?!Client )(?P<who>\S+) [0-2] (?P<topic>\S.*)")
EVERY_MESSAGE = re.compile(r"(Sending|Received) P(UB|ING)|Denied PUBLISH")
TIMED = re.compile(r"(\d{9,11}): (.*)")


class Refusals(NamedTuple):
    """How often each kind happened, and to whom where that is known; `since_s` is where reading began, Unix time."""

    counts: Counter[str]
    names: dict[str, Counter[str]]
    since_s: int
    denied_are_logged: bool


def read_refusals(path: Path, *, rules: Rules | None = None, now_s: float | None = None) -> Refusals:
    """Read the log; raise OSError where that is not possible. Without the broker's rules no subscription is judged."""
    earliest_s = int((time() if now_s is None else now_s) - LOOKED_BACK_S)
    with path.open("rb") as file:
        skipped = max(0, path.stat().st_size - READ_BYTES)
        file.seek(skipped)
        if skipped:
            file.readline()
        lines = (line.decode(errors="replace") for line in file)
        return _counted(lines, rules, earliest_s, is_whole=not skipped)


def _counted(lines: Iterable[str], rules: Rules | None, earliest_s: int, *, is_whole: bool) -> Refusals:
    counts: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {}
    first_s: int | None = None
    denied_are_logged = False
    for line in lines:
        timed = TIMED.match(line.rstrip())
        if timed is None or int(timed[1]) < earliest_s:
            continue
        first_s = int(timed[1]) if first_s is None else first_s
        denied_are_logged = denied_are_logged or EVERY_MESSAGE.match(timed[2]) is not None
        kind, who = _refusal(timed[2], rules)
        if kind is not None:
            counts[kind] += 1
        if kind is not None and who:
            names.setdefault(kind, Counter())[_printable(who)] += 1
    since_s = earliest_s if is_whole or first_s is None else max(earliest_s, first_s)
    return Refusals(counts, names, since_s, denied_are_logged)


def _refusal(said: str, rules: Rules | None) -> tuple[str | None, str | None]:
    """What kind of refusal a line tells of, if of one, and whose."""
    for pattern, kind in KINDS:
        found = pattern.search(said)
        if found is not None:
            return kind, found.groupdict().get("who")
    asked = SUBSCRIBED.fullmatch(said) if rules is not None else None
    if rules is None or asked is None or may_hear(rules.get(asked["who"], ()), asked["topic"]):
        return None, None
    return NOT_THEIRS_TO_HEAR, asked["who"]


def _printable(name: str) -> str:
    """A name as it may be shown: who is refused must not write on an operator's screen."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:60]
