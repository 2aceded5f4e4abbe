"""Who is mailed no more, and since when and why?

Events in a file of JSON lines, each on disk before anybody is told that it was taken: unsubscribed, subscribed again,
bounced, and bounced for now. The file of recipients says what is wished, these say what is allowed. An event is about
an address, a report and a tenant; None stands for every report or every tenant. The last one that covers a recipient
holds, and only a command (`odograph mail subscribe`) makes an address active again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Literal, NamedTuple

Happened = Literal["unsubscribed", "subscribed", "bounced", "bounced for now"]
State = Literal["active", "unsubscribed", "bounced"]

FOLDER_MODE, FILE_MODE = 0o700, 0o600
SOFT_BOUNCES, SOFT_DAYS = 5, 14  # so many mails that could not be delivered for now, within so many days


class Key(NamedTuple):
    """One recipient: the address in small letters, the report, the tenant (empty: the report is about all)."""

    address: str
    report: str
    tenant_id: str


class Event(NamedTuple):
    """What happened to an address.

    how     in which way we heard of it: `command`, `one click`, `mail`, `bounce`, `smtp`
    why     in words
    source  the mail that told us, so that reading it again counts nothing twice
    mail    Message-ID of the mail that bounced
    """

    at_utc: datetime
    address: str
    report: str | None
    tenant_id: str | None
    happened: Happened
    how: str
    why: str = ""
    source: str = ""
    mail: str = ""

    def covers(self, key: Key) -> bool:
        """Whether it is about that recipient."""
        return (
            self.address == key.address
            and self.report in (None, key.report)
            and self.tenant_id in (None, key.tenant_id)
        )


class Standing(NamedTuple):
    """The state of a recipient, since when (None: always) and why, or at least how we heard of it."""

    state: State
    since_utc: datetime | None = None
    why: str = ""


def standing(events: Sequence[Event], key: Key) -> Standing:
    """Return the state of a recipient after all events; who has left stays gone, whatever bounces afterwards."""
    held = Standing("active")
    soft: dict[str, datetime] = {}
    for event in events:
        if not event.covers(key):
            continue
        if event.happened == "subscribed":
            held, soft = Standing("active", event.at_utc, event.why), {}
        elif event.happened == "unsubscribed":
            if held.state != "unsubscribed":
                held = Standing("unsubscribed", event.at_utc, event.why or event.how)
        elif held.state == "active" and event.happened == "bounced":
            held = Standing("bounced", event.at_utc, event.why or event.how)
        elif held.state == "active":
            # A server that tries for days tells of the same mail several times.
            soft.setdefault(event.mail or event.source or event.at_utc.isoformat(), event.at_utc)
            recent = [at for at in soft.values() if event.at_utc - at <= timedelta(days=SOFT_DAYS)]
            if len(recent) >= SOFT_BOUNCES:
                why = f"{len(recent)} mails in {SOFT_DAYS} days could not be delivered; the last: {event.why}"
                held = Standing("bounced", event.at_utc, why)
    return held


def read_events(path: Path) -> list[Event]:
    """Return all events, oldest first; none where there is no file yet."""
    try:
        with path.open(encoding="utf-8", errors="replace") as book:
            return _events(book)
    except FileNotFoundError:
        return []


class Events:
    """The file, open for appending; only one process has it open so at a time."""

    def __init__(self, book: IO[str]) -> None:
        self._book = book
        book.seek(0)
        self.known = _events(book)
        book.seek(0)
        if not (book.read()[-1:] or "\n").endswith("\n"):
            book.write("\n")  # nothing is appended to a line torn by a crash

    def note(self, event: Event) -> bool:
        """Append an event and flush it to disk; False for one that the same mail has brought before."""
        if event.source and any(
            (found.source, found.happened, found.address, found.report, found.tenant_id)
            == (event.source, event.happened, event.address, event.report, event.tenant_id)
            for found in self.known
        ):
            return False
        said = event._asdict() | {"at_utc": event.at_utc.isoformat()}
        self._book.write(json.dumps(said, ensure_ascii=False) + "\n")
        self._book.flush()
        os.fsync(self._book.fileno())
        self.known.append(event)
        return True


@contextmanager
def opened_events(path: Path) -> Iterator[Events]:
    """Open the file for appending, waiting while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    path.touch(FILE_MODE)
    path.chmod(FILE_MODE)
    with path.open("a+", encoding="utf-8", errors="replace") as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        yield Events(book)


def now_utc() -> datetime:
    """Return this instant, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _events(book: IO[str]) -> list[Event]:
    events = []
    for line in book:
        try:
            said = json.loads(line)
            at_utc = datetime.fromisoformat(said.pop("at_utc"))
            events.append(Event(at_utc, **said))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # torn by a crash, maybe within a letter
    return events
