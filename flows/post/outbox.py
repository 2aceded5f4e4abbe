"""Which mails have left already?

A ledger of JSON lines, each flushed to disk: `intent` before a mail is handed over, `sent` after the server has
accepted it, `written` where it became a file. A mail with an intent and no `sent` may or may not have left before a
crash; it is sent again with the same Message-ID, which mail servers fold into one.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

State = Literal["intent", "sent", "written", "refused"]

FOLDER_MODE, FILE_MODE = 0o700, 0o600  # mails and whom they went to are their owner's


class Outbox:
    """The open ledger; only one process has it open at a time."""

    def __init__(self, book: IO[str]) -> None:
        """Read what is written so far in `book`, opened for reading and appending."""
        self._book = book
        self._states = _states(book)

    def state(self, key: str) -> str | None:
        """Return the last state of a mail; None for one never seen."""
        return self._states.get(key)

    def note(self, key: str, state: State, recipient: str, reason: str = "") -> None:
        """Append one line and flush it to disk."""
        entry = {"key": key, "state": state, "at_utc": datetime.now(UTC).isoformat(), "recipient": recipient}
        if reason:
            entry["reason"] = reason
        self._book.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._book.flush()
        os.fsync(self._book.fileno())
        self._states[key] = state


@contextmanager
def opened(ledger: Path) -> Iterator[Outbox]:
    """Open the ledger, waiting while another process has it."""
    ledger.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    ledger.touch(FILE_MODE)
    ledger.chmod(FILE_MODE)
    with ledger.open("a+", encoding="utf-8") as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        yield Outbox(book)


def _states(book: IO[str]) -> dict[str, str]:
    """Return the last state of each key; a line torn by a crash is left out, and nothing is appended to it."""
    book.seek(0)
    states: dict[str, str] = {}
    line = "\n"
    for line in book:
        try:
            entry = json.loads(line)
            key, state = entry["key"], entry["state"]
        except (ValueError, TypeError, KeyError):
            continue
        # A mail that was sent stays sent, whatever is noted about it later.
        states[key] = "sent" if states.get(key) == "sent" else state
    if not line.endswith("\n"):
        book.write("\n")
    return states
