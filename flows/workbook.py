"""How do rows become a spreadsheet? Sheets of names, units, then typed rows under a fixed header.

Texts are always texts, never formulas: ids come in by message, from anybody's device.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO, Any, NamedTuple

import xlsxwriter

MOST_ROWS, MOST_TEXT = 1_048_576, 32_767  # what spreadsheet programs take
MOST_DIGITS = 15  # of a number in a spreadsheet; longer ones stay texts
HEADER_ROWS = 2
MEASURED_ROWS = 200  # the first ones decide how wide a column is
NARROWEST, WIDEST = 6, 60
DAY, INSTANT, BROKEN = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "0.###"


class TooManyRows(Exception):
    """More rows than a sheet holds; `row_count` is how many."""

    def __init__(self, row_count: int) -> None:
        self.row_count = row_count
        super().__init__(
            f"a spreadsheet holds {MOST_ROWS - HEADER_ROWS} rows and these are {row_count}; use csv or parquet"
        )


class Heading(NamedTuple):
    """Name and unit of a column; `shape` is how its numbers or instants are shown, where not as usual."""

    name: str
    unit: str
    shape: str = ""


class Sheet(NamedTuple):
    """One sheet; where it `wraps`, long texts go on in the line below."""

    title: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[object]]
    wraps: bool = False


def write_workbook(path: Path, title: str, headings: Sequence[Heading], rows: Sequence[Sequence[object]]) -> None:
    """Write one sheet into a file; raises TooManyRows before anything is written where it would not hold them."""
    write_sheets(path, [Sheet(title, headings, rows)])


def write_sheets(target: Path | IO[bytes], sheets: Sequence[Sheet], *, created: datetime | None = None) -> None:
    """Write sheets into a file; with `created` the same sheets give the same bytes. Raises TooManyRows before."""
    for sheet in sheets:
        if len(sheet.rows) > MOST_ROWS - HEADER_ROWS:
            raise TooManyRows(len(sheet.rows))
    # Row by row, in bounded memory; a text that looks like a formula, a number or a link stays what it is.
    with xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, {"constant_memory": True}) as book:
        if created is not None:
            book.set_properties({"created": created})
        for sheet in sheets:
            _write_sheet(book, sheet)


def _write_sheet(book: Any, content: Sheet) -> None:
    sheet = book.add_worksheet(_sheet_name(content.title))
    shapes = {DAY, INSTANT, BROKEN, *(heading.shape for heading in content.headings)}
    formats = {shape: book.add_format({"num_format": shape} if shape else {}) for shape in sorted(shapes)}
    text_format = book.add_format({"text_wrap": True, "valign": "top"}) if content.wraps else None
    sheet.freeze_panes(HEADER_ROWS, 0)
    for column, heading in enumerate(content.headings):
        sheet.set_column(column, column, _width(heading, (row[column] for row in content.rows[:MEASURED_ROWS])))
    for column, heading in enumerate(content.headings):
        sheet.write_string(0, column, heading.name, book.add_format({"bold": True}))
    for column, heading in enumerate(content.headings):
        sheet.write_string(1, column, heading.unit, book.add_format({"italic": True, "font_color": "#666666"}))
    for number, row in enumerate(content.rows, HEADER_ROWS):
        for column, value in enumerate(row):
            shape = content.headings[column].shape
            _write(sheet, number, column, value, formats, formats[shape] if shape else None, text_format)


def _sheet_name(title: str) -> str:
    """What a spreadsheet program takes for the name of a sheet."""
    return "".join(" " if letter in "[]:*?/\\" else letter for letter in title)[:31].strip("' ") or "answer"


def _write(
    sheet: Any, row: int, column: int, value: object, formats: dict[str, Any], shaped: Any, text_format: Any
) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, value)
        case datetime():
            sheet.write_datetime(row, column, value.replace(tzinfo=None), shaped or formats[INSTANT])
        case date():
            sheet.write_datetime(row, column, value, shaped or formats[DAY])
        case int() if abs(value) < 10**MOST_DIGITS:
            sheet.write_number(row, column, value, shaped)
        case float() if isfinite(value):
            sheet.write_number(row, column, value, shaped or formats[BROKEN])
        case Decimal() if value.is_finite():
            sheet.write_number(row, column, float(value), shaped or formats[BROKEN])
        case _:
            sheet.write_string(row, column, _text(value), text_format)


def _width(heading: Heading, values: Iterable[object]) -> int:
    lengths = (_length(value) for value in values if value is not None)
    return min(WIDEST, max(NARROWEST, len(heading.name), len(heading.unit), *lengths, 0) + 2)


def _length(value: object) -> int:
    match value:
        case datetime():
            return len(INSTANT)
        case date():
            return len(DAY)
        case float():
            return len(f"{value:.3f}")
    return len(_text(value))


def _text(value: object) -> str:
    """The value as text, without what XML cannot hold."""
    kept = (letter if letter >= " " or letter in "\t\n" else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return "".join(kept)[:MOST_TEXT].encode(errors="replace").decode()
