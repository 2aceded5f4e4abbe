"""What does a cell say: an amount, a date, a time? Raises ValueError with the reason."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from ingest.fuel_cards.mapping import When
from ingest.fuel_cards.reading import Cell

_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][-+]?\d{1,2})?")
_SIGNS = re.compile(r"[$€£\s]|USD|CAD|EUR|GBP")
_CLOCK = ("%H", "%I", "%c", "%X")


class Moment(NamedTuple):
    """When a purchase was, as far as the file says; the fields are those of a `txn` document."""

    ts_utc: str | None
    ts_local: str | None  # at the site; None where only the instant is known
    ts_quality: str


def amount(cell: Cell, decimal: str = ".") -> Decimal:
    """Read an amount: `1,234.50`, `$12`, `(3.00)` and `3.00-` as accountants write negative ones."""
    text = _SIGNS.sub("", str(cell))
    if decimal == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    is_negative = (text.startswith("(") and text.endswith(")")) or text.endswith("-")
    text = text.strip("()").removesuffix("-")
    if not _NUMBER.fullmatch(text) or not any(map(str.isdecimal, text)):
        raise ValueError(f"is no number with a decimal {'point' if decimal == '.' else 'comma'}")
    value = Decimal(text.replace(",", ""))
    return -value if is_negative else value


def whole(cell: Cell, decimal: str = ".") -> int:
    """Read a whole number; a fraction of zero may stand behind it."""
    value = amount(cell, decimal)
    if value != value.to_integral_value():
        raise ValueError("is no whole number")
    if abs(value) >= 2**63:
        raise ValueError("is too large")
    return int(value)


def day(cell: Cell, form: str) -> date:
    """Read a date by its format; a date cell of a workbook needs none."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str):
        return datetime.fromisoformat(cell).date() if form == "iso" else _parsed(cell, form).date()
    raise ValueError("is no date")


def moment(cells: list[Cell], when: When) -> Moment:
    """Read when a purchase was from the cells of its columns that have a value."""
    moment, has_clock = _date_time(cells, when)
    if when.midnight_is_date and moment.time() == time():
        has_clock = False
    if when.zone == "offset" and has_clock and moment.tzinfo is None:
        raise ValueError("has no offset from UTC, such as -05:00 or Z")
    if when.zone == "UTC" and moment.tzinfo is None and has_clock:
        moment = moment.replace(tzinfo=UTC)
    local = moment.replace(tzinfo=None)
    if not has_clock:
        return Moment(None, local.date().isoformat(), "date_only")
    if moment.tzinfo is None:
        return Moment(None, local.isoformat(), "site_local")
    utc = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if when.zone == "UTC" or not moment.utcoffset():
        return Moment(utc, None, "exact")
    return Moment(utc, local.isoformat(), "offset")


def _date_time(cells: list[Cell], when: When) -> tuple[datetime, bool]:
    if when.format in ("epoch_s", "epoch_ms"):
        seconds = float(amount(cells[0])) / (1000 if when.format == "epoch_ms" else 1)
        return datetime.fromtimestamp(seconds, UTC), True
    days = [cell for cell in cells if isinstance(cell, date)]
    clocks = [cell for cell in cells if isinstance(cell, time)]
    if days and clocks:
        return datetime.combine(days[0], clocks[0]), True
    if days and len(cells) == 1:
        # A workbook keeps a date as its midnight; of a purchase at that second the hour is given up.
        found = days[0] if isinstance(days[0], datetime) else datetime.combine(days[0], time())
        return found, found.time() != time()
    first_form = when.format.split(" ", 1)[0]
    text = " ".join(cell if isinstance(cell, str) else cell.strftime(first_form) for cell in cells)
    if when.format == "iso":
        return datetime.fromisoformat(text), len(text) > len("2026-02-27")
    has_clock = any(part in when.format for part in _CLOCK)
    if when.date_format is None:
        return _parsed(text, when.format), has_clock
    try:
        return _parsed(text, when.format), has_clock
    except ValueError:
        return _parsed(text, when.date_format), False


def _parsed(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)
    except ValueError as error:
        raise ValueError(f"does not fit {form!r}") from error
