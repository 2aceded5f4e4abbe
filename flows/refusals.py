"""Whom did the broker refuse lately, and why? Read from mosquitto's log.

Written for the log of a mosquitto.conf by `odograph broker-config`, whose lines begin with the time in seconds.
Only the end of a long log is read. Who could not prove a name has none; who could is named by it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import NamedTuple

LOOKED_BACK_S = 86_400
READ_BYTES = 64 << 20

NOT_THEIRS = "messages to topics that are not theirs"
# What a line says, and why it was written; the first that fits decides. A group named `who` is a client.
KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Denied PUBLISH from (?P<who>.*?) \(d"), NOT_THEIRS),
    (re.compile(r"disconnected, not authorised"), "bad or missing passwords"),
    (re.compile(r"did not return a certificate"), "connections without a certificate"),
    (re.compile(r"certificate verify failed"), "certificates that are foreign, expired or revoked"),
    (re.compile(r"wrong version number|http request|unsupported protocol|no shared cipher"), "connections without TLS"),
    (re.compile(r"Client (?P<who>.*?) disconnected due to oversize p"), "packets that were too large"),
)
EVERY_MESSAGE = re.compile(r"(Sending|Received) P(UB|ING)|Denied PUBLISH")
TIMED = re.compile(r"(\d{9,11}): (.*)")


class Refusals(NamedTuple):
    """How often each kind happened, and to whom where that is known; `since_s` is where reading began, Unix time."""

    counts: Counter[str]
    names: dict[str, Counter[str]]
    since_s: int
    denied_are_logged: bool


def read_refusals(path: Path, *, now_s: float | None = None) -> Refusals:
    """Read the log; raise OSError where that is not possible."""
    earliest_s = int((time() if now_s is None else now_s) - LOOKED_BACK_S)
    with path.open("rb") as file:
        skipped = max(0, path.stat().st_size - READ_BYTES)
        file.seek(skipped)
        if skipped:
            file.readline()
        lines = (line.decode(errors="replace") for line in file)
        return _counted(lines, earliest_s, is_whole=not skipped)


def _counted(lines: Iterable[str], earliest_s: int, *, is_whole: bool) -> Refusals:
    counts: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {}
    first_s: int | None = None
    denied_are_logged = False
    for line in lines:
        timed = TIMED.match(line)
        if timed is None or int(timed[1]) < earliest_s:
            continue
        first_s = int(timed[1]) if first_s is None else first_s
        denied_are_logged = denied_are_logged or EVERY_MESSAGE.match(timed[2]) is not None
        for pattern, kind in KINDS:
            found = pattern.search(timed[2])
            if found is not None:
                counts[kind] += 1
                who = found.groupdict().get("who")
                if who:
                    names.setdefault(kind, Counter())[_printable(who)] += 1
                break
    since_s = earliest_s if is_whole or first_s is None else max(earliest_s, first_s)
    return Refusals(counts, names, since_s, denied_are_logged)


def _printable(name: str) -> str:
    """A name as it may be shown: who is refused must not write on an operator's screen."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:60]
