"""What does the mail about exceptions say, and how short can it be?

The gravest first, each with its time, place, van, evidence and what to do; nothing a reader was told before. Leads and
not proof: the words say possible. Places near where a van stands overnight and outside its hours are not shown.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flows.report import page
from flows.report.data import NothingToReport
from flows.report.exceptions import ExceptionRow, open_exceptions
from flows.report.exceptions_words import Words, highest_stake, notes, when, words
from flows.report.kinds import Asked
from flows.report.page import Cell, Column
from flows.report.queries import rows
from flows.report.rendered import Report
from flows.report.spreadsheet import Field, Table, csv_of
from flows.report.style import Style
from warehouse.connection import open_database

WINDOW_DAYS = 3  # a reader who is new is not told all that ever happened
MOST_ROWS = 50
MOST_IN_SUBJECT = 2

PLACES_NOTE = "Places near where a van stands overnight, and outside its hours, are not shown."
COLUMNS = (
    Column("van", "Van", is_name=True),
    Column("what", "What happened, and what to do", is_prose=True),
    Column("at_stake", "At stake", is_number=True),
)


class NothingNew(NothingToReport):
    """Nothing is open that the reader was not told."""

    def __init__(self, tenant_id: str, since: date) -> None:
        Exception.__init__(self, f"no exception of {tenant_id} since {since} that was not told before")
        self.tenant_id, self.service_date, self.last_date = tenant_id, since, None


class AsOf(NamedTuple):
    """The zone most vans are in, and when the tenant's newest figures were made."""

    timezone: str
    rebuilt_utc: datetime | None


class Line(NamedTuple):
    """What happened as a row of the table."""

    van: str
    what: Cell
    at_stake: str


def render(asked: Asked) -> Report:
    """Return what is open and was not told; raises NothingNew where that is nothing."""
    since = asked.period.last - timedelta(days=WINDOW_DAYS)
    with open_database(asked.published.resolve(), read_only=True) as connection:
        found = open_exceptions(connection, asked.tenant_id, since, until=asked.until, at_utc=asked.at_utc)
        as_of = rows(connection, "exceptions/as_of", AsOf, tenant_id=asked.tenant_id)[0]
    new = [row for row in found if row.exception_id not in asked.told]
    if not new:
        raise NothingNew(asked.tenant_id, since)
    return _report(asked, since, new, as_of)


def _report(asked: Asked, since: date, found: Sequence[ExceptionRow], as_of: AsOf) -> Report:
    style, timezone = asked.style, as_of.timezone
    things = _things(found)
    printed = [words(thing, style, timezone) for thing in things]
    name = f"exceptions-{asked.period.key}.csv"
    told = {
        "subject": _subject(printed, style),
        "place": asked.tenant_id,
        "when": f"{style.day(since)} – {style.day(asked.until)}" if asked.until else f"since {style.day(since)}",
        "status": f"as of {style.local_day(as_of.rebuilt_utc, timezone)}" if as_of.rebuilt_utc else "",
        "verdict": _verdict(printed, style),
        "columns": COLUMNS,
        "rows": [_line(*each, style, timezone) for each in zip(things, printed, strict=True)][:MOST_ROWS],
        "left_out": max(0, len(things) - MOST_ROWS),
        "file_name": name,
        "carried": page.carried([name], asked.formats),
        "notes": notes(found),
        "timezone": timezone,
        "foot": page.footer("Exceptions", asked.tenant_id, contact=asked.contact, notes=[PLACES_NOTE]),
    }
    return Report(
        report="exceptions",
        tenant_id=asked.tenant_id,
        period=asked.period,
        subject=str(told["subject"]),
        html=page.html("exceptions.html.j2", told),
        text=page.text("exceptions.txt.j2", told),
        images={},
        attachments={name: _csv(found, style, timezone)},
        told=tuple(row.exception_id for row in found),
    )


def _things(found: Sequence[ExceptionRow]) -> list[list[ExceptionRow]]:
    """Return what is about the same thing together, gravest first: several rules ask about one purchase."""
    things: dict[str, list[ExceptionRow]] = {}
    for row in found:
        purchase = row.exception_id.rpartition("/")[0] if row.kind == "fuel" else row.exception_id
        things.setdefault(purchase, []).append(row)
    return list(things.values())


def _subject(printed: Sequence[Words], style: Style) -> str:
    """Return `2 exceptions · V12 possibly 9 min over the idle limit of New Jersey · …`: one line, whatever ids hold."""
    parts = [style.counted(len(printed), "exception"), *(told.brief for told in printed[:MOST_IN_SUBJECT])]
    if len(printed) > MOST_IN_SUBJECT:
        parts.append(f"{len(printed) - MOST_IN_SUBJECT} more")
    return " ".join(" · ".join(parts).split())


def _verdict(printed: Sequence[Words], style: Style) -> str:
    more = len(printed) - 1
    return printed[0].sentence + (f" {style.counted(more, 'more exception')} below." if more else "")


def _line(thing: Sequence[ExceptionRow], told: Words, style: Style, timezone: str) -> Line:
    row = thing[0]
    below = " ".join(part for part in (told.evidence, told.action) if part)
    # What an idle run burnt says nothing of what it may cost.
    stake = highest_stake(thing) if row.kind == "fuel" else None
    at_stake = style.money(stake.cost if stake else None, row.currency, cents=True)
    return Line(
        row.vehicle_id or "All vans", Cell(f"{when(row, style, timezone)} · {told.what}", below=below), at_stake
    )


def _csv(found: Sequence[ExceptionRow], style: Style, timezone: str) -> bytes:
    """Return one row for each exception, those about one purchase apart."""

    def column(name: str, value: Callable[[ExceptionRow, Words], object]) -> Field:
        return Field(name, "", "", "", lambda row: value(row, words([row], style, timezone)))

    fields = [
        column("exception_id", lambda row, told: row.exception_id),
        column("kind", lambda row, told: row.kind),
        column("severity", lambda row, told: row.severity),
        column("service_date", lambda row, told: row.service_date),
        column("time_local", lambda row, told: _local_time(row, timezone)),
        column("vehicle_id", lambda row, told: row.vehicle_id),
        column("route_id", lambda row, told: row.route_id),
        column("rule", lambda row, told: row.rule),
        column("what", lambda row, told: told.what),
        column("evidence", lambda row, told: told.evidence),
        column("what_to_do", lambda row, told: told.action),
        column("duration_min", lambda row, told: _in_minutes(row.duration_s)),
        column("limit_min", lambda row, told: _in_minutes(row.limit_s)),
        column("at_stake", lambda row, told: _in_cents(row.cost) if row.kind == "fuel" else None),
        column("amount", lambda row, told: _in_cents(row.amount)),
        column("currency", lambda row, told: row.currency),
    ]
    return csv_of(Table("Exceptions", "", fields, found))


def _local_time(row: ExceptionRow, timezone: str) -> str | None:
    """Return when it began, `2026-02-26T10:05`; of a silence and of a held-back date there is only the date."""
    if row.started_utc is None or row.kind == "silent":
        return None
    return f"{row.started_utc.astimezone(ZoneInfo(row.timezone or timezone)):%Y-%m-%dT%H:%M}"


def _in_cents(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 2)


def _in_minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)
