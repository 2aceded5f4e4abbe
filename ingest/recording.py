"""What is a recording, once it has been read, and how do its times move to the present?"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ingest.outbox import Outgoing

DAY_US = 86_400_000_000


class Recording(NamedTuple):
    """The messages of a recording in the order they are sent, and the span of their fixes."""

    name: str
    messages: list[Outgoing]
    first_utc: datetime
    last_utc: datetime
    note: str


class UnknownRecording(ValueError):
    """A file is none of the recordings we understand; `found` says what it looks like."""

    def __init__(self, path: Path, found: str, understood: str) -> None:
        self.path, self.found = path, found
        super().__init__(f"{path}: {found}. {understood}")


def whole_days_us(last_us: int, timezone: str, last_date: date | None) -> int:
    """Return the microseconds, a whole number of days, that bring the last local day to `last_date`.

    Yesterday if no date is given. Every day counts 24 hours, so a shift across a change of clocks moves local
    times by an hour and leaves the order of things and the time between them as they were.
    """
    zone = ZoneInfo(timezone)
    if last_date is None:
        last_date = datetime.now(zone).date() - timedelta(days=1)
    return (last_date - instant(last_us).astimezone(zone).date()).days * DAY_US


def instant(time_us: int) -> datetime:
    """Return the instant of a Unix time in microseconds, exactly."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
