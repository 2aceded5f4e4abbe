"""Which lines does a provider's file hold, and which cells do they have?

CSV (a byte-order mark counts, the delimiter is found by the columns), XLSX, fixed-width and JSON all become lines of
cells by column name. Blank cells are left out, blank lines too. A line has the number an editor or a spreadsheet
shows; of JSON it is the record, from 1.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ingest.fuel_cards.mapping import Layout, Mapping

Cell = str | datetime | date | time
DELIMITERS = (",", ";", "\t", "|")
_WRITTEN_DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?")
FIRST_YEAR = 1900  # of the calendar of workbooks
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Line(NamedTuple):
    """A line of a file; `cells` has only columns with a value, by `key_of` their names."""

    number: int
    cells: dict[str, Cell]


class Read(NamedTuple):
    """The lines of a file and the names of its columns."""

    columns: list[str]
    lines: list[Line]


class UnreadableFile(Exception):
    """A file is not what its mapping says; the text is one clear line."""


def key_of(column: str) -> str:
    """A column's name as it is compared: case and blanks around it do not matter."""
    return " ".join(column.split()).casefold()


def read_file(mapping: Mapping, path: Path) -> Read:
    """Read a file by its layout; raise UnreadableFile."""
    layout = mapping.file
    try:
        if layout.format == "json" or path.suffix.lower() in (".json", ".jsonl"):
            return _from_records(_json_records(layout, path))
        if layout.format == "fixed":
            return _fixed(layout, _text(layout, path))
        rows = _sheet(layout, path) if path.suffix.lower() in (".xlsx", ".xlsm", ".xls") else None
        return _table(layout, _csv_rows(mapping, _text(layout, path)) if rows is None else rows)
    except FileNotFoundError as error:
        raise UnreadableFile("no such file") from error
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}") from error


def _text(layout: Layout, path: Path) -> str:
    content = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), layout.encoding)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f'not {encoding}, see byte {error.start + 1}: name its encoding in the mapping, such as "cp1252"'
        ) from error
    if "\0" in text:
        raise UnreadableFile("not a text file: it has zero bytes; an XLSX file needs its suffix")
    return text


def _csv_rows(mapping: Mapping, text: str) -> Iterator[tuple[int, list[Cell]]]:
    layout = mapping.file
    delimiter = layout.delimiter or _delimiter(mapping, text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(f"line {start}: not CSV: {error}") from error
        yield start, list(row)
        start = reader.line_num + 1


def _delimiter(mapping: Mapping, text: str) -> str:
    lines = text.splitlines()[mapping.file.skip_lines :]
    first = lines[0] if lines else ""
    wanted = {key_of(name) for place in mapping.fields.values() for name in place.columns}

    def found(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        return len(wanted & set(map(key_of, cells))), len(cells)

    return max(DELIMITERS, key=found)


def _sheet(layout: Layout, path: Path) -> Iterator[tuple[int, list[Cell]]]:
    options: dict[str, Any] = {"header_row": layout.skip_lines if layout.header else None}
    try:
        frame = pl.read_excel(
            path,
            engine="calamine",
            sheet_name=layout.sheet,  # type: ignore[arg-type]  # None is the first one
            infer_schema_length=None,
            drop_empty_rows=False,
            drop_empty_cols=False,
            raise_if_empty=False,
            read_options=options,
        )
    except FileNotFoundError:
        raise
    except Exception as error:  # of calamine, fastexcel and polars, each with a class of its own
        raise UnreadableFile(f"not a readable workbook: {str(error).splitlines()[0]}") from error
    first = layout.skip_lines + 1
    if layout.header:
        yield first, list(frame.columns)
        first += 1
    for number, row in enumerate(frame.iter_rows(), first):
        yield number, [_cell(value) for value in row]


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str) and _WRITTEN_DATE.fullmatch(value):
        # A column that also holds a word, as in a line of totals, comes as text throughout.
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.year <= FIRST_YEAR:
        return value.time()  # a time of day is a fraction of the day before the first one
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str | datetime | date | time) else str(value)


def _table(layout: Layout, rows: Iterator[tuple[int, list[Cell]]]) -> Read:
    columns: list[str] | None = None if layout.header else list(layout.columns)
    lines = []
    for number, row in rows:
        if number <= layout.skip_lines or not any(str(cell).strip() for cell in row):
            continue
        if columns is None:
            columns = [str(cell).strip() for cell in row]
            continue
        if not layout.header:
            columns += [f"column {place + 1}" for place in range(len(columns), len(row))]
        elif any(str(cell).strip() for cell in row[len(columns) :]):
            raise UnreadableFile(f"line {number}: {len(row)} cells where there are {len(columns)} columns")
        lines.append(_line(layout, number, dict(zip(columns, row, strict=False))))
    return Read(columns or [], lines)


def _fixed(layout: Layout, text: str) -> Read:
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if number <= layout.skip_lines or not line.strip():
            continue
        cells: dict[str, Cell] = {name: line[first - 1 : last] for name, (first, last) in layout.positions.items()}
        lines.append(_line(layout, number, cells))
    return Read(list(layout.positions), lines)


def _line(layout: Layout, number: int, cells: dict[str, Cell]) -> Line:
    kept: dict[str, Cell] = {}
    for name, value in cells.items():
        cell = value.strip() if isinstance(value, str) else value
        if name and cell != "":
            width = layout.zero_pad.get(name)
            kept[key_of(name)] = cell.zfill(width) if width is not None and isinstance(cell, str) else cell
    return Line(number, kept)


def _json_records(layout: Layout, path: Path) -> list[Any]:
    text = _text(layout, path)
    try:
        if path.suffix.lower() == ".jsonl":
            return [json.loads(line, parse_float=str, parse_int=str) for line in text.splitlines() if line.strip()]
        found = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"not JSON: {error}") from error
    if isinstance(found, dict) and layout.records and layout.records in found:
        found = found[layout.records]
    return found if isinstance(found, list) else [found]


def _from_records(records: list[Any]) -> Read:
    columns: dict[str, None] = {}
    lines = []
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise UnreadableFile(f"record {number} is no object")
        cells = {name: text.strip() for name, text in _flat(record, "") if text.strip()}
        columns |= dict.fromkeys(cells)
        lines.append(Line(number, {key_of(name): text for name, text in cells.items()}))
    return Read(list(columns), lines)


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """The values of an object by their paths: `purchase_details/fuel/unit`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}/{key}" if name else key)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}/{place}")
    elif value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
