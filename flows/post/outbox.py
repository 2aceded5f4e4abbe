"""Which mails are on their way, and what has become of each?

A ledger of JSON lines says it, each flushed to disk before anything is done about it:

    rendered -> intent -> sent | refused | waiting | unknown -> gave_up

A mail is rendered once. Its bytes lie in `outbox/` beside the ledger until it is sent, so that a retry after the
numbers have changed is the same mail. `intent` stands for the moment in which only the server knows: it is noted before
the last line of the mail is handed over, and a mail left in it by a crash is `unknown`. `written` is a mail that became
a file where no server is set, `quiet` one that had nothing to say to somebody who wants only news, `settled` one that a
person has decided about.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from ingest.durable import FILE_MODE, replace_file

State = Literal["rendered", "intent", "sent", "written", "refused", "waiting", "unknown", "gave_up", "quiet", "settled"]
DONE: frozenset[str] = frozenset({"sent", "settled"})  # nothing that is noted later makes it undone
ON_THE_WAY: frozenset[str] = frozenset({"rendered", "intent", "waiting", "unknown"})

FOLDER_MODE = 0o700  # mails and whom they went to are their owner's


class Told(NamedTuple):
    """A headline as the mail said it."""

    name: str
    value: float | None
    text: str


class About(NamedTuple):
    """What a mail says, kept beyond the mail itself: no names, for an erasure leaves it.

    told                       digests of the ids of its exceptions
    generation, published_utc  of the published copy it was rendered from
    is_empty                   it says that nothing was heard
    """

    report: str
    tenant_id: str
    first: date
    last: date
    message_id: str
    correction: int = 0
    headlines: tuple[Told, ...] = ()
    told: tuple[str, ...] = ()
    generation: str = ""
    published_utc: datetime | None = None
    is_empty: bool = False


class Entry(NamedTuple):
    """A mail as the ledger has it.

    at_utc     of its last line; None in lines of a version that did not say
    begun_utc  since when it has been tried: rendered, or taken up again by a person
    attempt    how often it was handed over in vain since then
    unknowns   how often of these nobody knows whether it was in vain
    until_utc  when it is tried again, of a waiting one
    about      None for a mail of an earlier version
    """

    key: str
    state: State
    recipient: str
    at_utc: datetime | None = None
    reason: str = ""
    attempt: int = 0
    unknowns: int = 0
    until_utc: datetime | None = None
    begun_utc: datetime | None = None
    about: About | None = None

    @property
    def report(self) -> str:
        """The name of its report."""
        return self.key.partition(".")[0]

    @property
    def first(self) -> date | None:
        """The first day of its period; earlier versions mailed days only."""
        if self.about:
            return self.about.first
        day = self.key.split(".")[1:2]
        return date.fromisoformat(day[0]) if day and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day[0]) else None

    @property
    def last(self) -> date | None:
        """The last day of its period."""
        return self.about.last if self.about else self.first


class Outbox:
    """The open ledger; only one process has it open at a time."""

    def __init__(self, book: IO[str], folder: Path) -> None:
        """Read what is written so far in `book`, opened for reading and appending; `folder` keeps the mails."""
        self._book = book
        self._folder = folder
        book.seek(0)
        self.entries, is_torn = _read(book)
        if is_torn:
            book.write("\n")  # nothing is appended to a line torn by a crash

    def state(self, key: str) -> State | None:
        """Return the last state of a mail; None for one never seen."""
        entry = self.entries.get(key)
        return entry.state if entry else None

    def note(
        self,
        key: str,
        state: State,
        recipient: str,
        reason: str = "",
        *,
        at_utc: datetime | None = None,
        until_utc: datetime | None = None,
        about: About | None = None,
    ) -> None:
        """Append one line and flush it to disk."""
        line: dict[str, Any] = {
            "key": key, "state": state, "at_utc": (at_utc or datetime.now(UTC)).isoformat(), "recipient": recipient
        }  # fmt: skip
        line |= {"reason": reason} if reason else {}
        line |= {"until_utc": until_utc.isoformat()} if until_utc else {}
        line |= {"about": about._asdict()} if about else {}
        text = json.dumps(line, ensure_ascii=False, default=str)
        self._book.write(text + "\n")
        self._book.flush()
        os.fsync(self._book.fileno())
        self.entries[key] = _folded(self.entries.get(key), json.loads(text))

    def put(
        self,
        key: str,
        content: bytes,
        recipient: str,
        about: About | None = None,
        *,
        at_utc: datetime | None = None,
    ) -> bool:
        """Keep a mail until it is sent; False where its bytes are kept already: a mail is rendered once."""
        if self.state(key) in ON_THE_WAY and self.path(key).exists():
            return False
        write_whole(self.path(key), content)
        self.note(key, "rendered", recipient, at_utc=at_utc, about=about)
        return True

    def path(self, key: str) -> Path:
        """Where the bytes of a mail are while it is on its way."""
        return self._folder / f"{key}.eml"

    def has_bytes(self, key: str) -> bool:
        """Whether its bytes are still there; an erasure takes them, and the mail is rendered anew."""
        return self.path(key).exists()

    def sent(self, key: str, recipient: str, reason: str = "", *, at_utc: datetime | None = None) -> None:
        """Note that the server has taken a mail, then let go of its bytes."""
        self.note(key, "sent", recipient, reason, at_utc=at_utc)
        self.path(key).unlink(missing_ok=True)

    def settle(self, key: str, reason: str) -> None:
        """Note that nothing more is done about a mail, then let go of its bytes."""
        self.note(key, "settled", self.entries[key].recipient, reason)
        self.path(key).unlink(missing_ok=True)


@contextmanager
def opened(ledger: Path) -> Iterator[Outbox]:
    """Open the ledger, waiting while another process has it."""
    ledger.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    ledger.touch(FILE_MODE)
    ledger.chmod(FILE_MODE)
    with ledger.open("a+", encoding="utf-8", errors="replace") as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        outbox = Outbox(book, ledger.parent / "outbox")
        for path in (ledger.parent / "outbox").glob("*.eml"):
            if outbox.state(path.stem) in DONE:
                path.unlink()  # a crash came between the answer and this
        yield outbox


def read_entries(ledger: Path) -> dict[str, Entry]:
    """Return every mail of the ledger by its key, without waiting for who has it open."""
    try:
        with ledger.open(encoding="utf-8", errors="replace") as book:
            return _read(book)[0]
    except FileNotFoundError:
        return {}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    replace_file(path, content)


def _read(book: Iterable[str]) -> tuple[dict[str, Entry], bool]:
    """Return the mails by key, and whether the last line is torn; one torn by a crash is left out."""
    entries: dict[str, Entry] = {}
    text = "\n"
    for text in book:
        try:
            line = json.loads(text)
            entries[line["key"]] = _folded(entries.get(line["key"]), line)
        except (ValueError, TypeError, KeyError):
            continue
    return entries, not text.endswith("\n")


def _folded(before: Entry | None, line: dict[str, Any]) -> Entry:
    """Return what a mail is after one more line."""
    at_utc = _instant(line.get("at_utc"))
    state: State = line["state"]
    about = _about(line.get("about")) or (before.about if before else None)
    recipient = line.get("recipient") or (before.recipient if before else "")
    if before and before.state in DONE:
        return before
    begun_utc = before.begun_utc if before else None
    attempt, unknowns = (before.attempt, before.unknowns) if before else (0, 0)
    if state == "rendered":
        begun_utc, attempt, unknowns = at_utc, 0, 0
    elif state in ("waiting", "unknown"):
        attempt, unknowns = attempt + 1, unknowns + (state == "unknown")
    return Entry(
        line["key"],
        state,
        recipient,
        at_utc,
        line.get("reason", ""),
        attempt,
        unknowns,
        _instant(line.get("until_utc")),
        begun_utc or at_utc,
        about,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _about(said: dict[str, Any] | None) -> About | None:
    if said is None:
        return None
    read = {
        "first": date.fromisoformat(said["first"]),
        "last": date.fromisoformat(said["last"]),
        "headlines": tuple(Told(*told) for told in said["headlines"]),
        "told": tuple(said["told"]),
        "published_utc": _instant(said["published_utc"]),
    }
    return About(**{name: value for name, value in (said | read).items() if name in About._fields})
