"""What is a finished report, and which days is it about?"""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, NamedTuple


class Period(NamedTuple):
    """The service dates of a report, both ends included."""

    kind: Literal["day", "week", "month"]
    first: date
    last: date

    @property
    def key(self) -> str:
        """Its name in keys and file names: `2026-02-26`, `2026-W09` (ISO 8601), `2026-02`."""
        if self.kind == "week":
            # A week that begins on Sunday has the number of the Monday in it.
            year, week, _ = (self.first + timedelta(days=1 if self.first.isoweekday() == 7 else 0)).isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first:%Y-%m}" if self.kind == "month" else str(self.first)


def day_period(day: date) -> Period:
    """Return a service date as a period."""
    return Period("day", day, day)


def week_period(day: date, first_weekday: int = 1) -> Period:
    """Return the week a date falls in; `first_weekday` is 1 for Monday to 7 for Sunday."""
    first = day - timedelta(days=(day.isoweekday() - first_weekday) % 7)
    return Period("week", first, first + timedelta(days=6))


def month_period(day: date) -> Period:
    """Return the month a date falls in."""
    return Period("month", day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def period_in(name: str) -> tuple[Period, int] | None:
    """Return the period that a file name or key of a report holds, and where it begins in it; None without one."""
    found = re.search(r"\d{4}-(?:W\d{2}|\d{2}-\d{2}|\d{2})(?!\d)", name)
    if found is None:
        return None
    key = found[0]
    try:
        if "W" in key:
            return week_period(date.fromisocalendar(int(key[:4]), int(key[6:]), 1)), found.start()
        if len(key) == len("2026-02-26"):
            return day_period(date.fromisoformat(key)), found.start()
        return month_period(date.fromisoformat(f"{key}-01")), found.start()
    except ValueError:
        return None


class Headline(NamedTuple):
    """A number people act on; where late data moves it by `move` or more, a correction is worth a mail."""

    name: str
    value: float | None
    text: str
    move: float  # in units of the value; infinite where no change is worth one


class Report(NamedTuple):
    """One report about one tenant (empty: the operator's, about all) and period; the same for every recipient.

    html         css inlined, pictures referenced as `cid:<key of images>`
    text         the same content without pictures
    images       content id -> PNG
    attachments  file name -> bytes
    told         ids of the exceptions in it, so that nobody is told the same twice
    is_clear     nothing in it needs attention: who wants only news does not get it
    """

    report: str
    tenant_id: str
    period: Period
    subject: str
    html: str
    text: str
    images: dict[str, bytes]
    attachments: dict[str, bytes]
    headlines: tuple[Headline, ...] = ()
    told: tuple[str, ...] = ()
    is_clear: bool = False
