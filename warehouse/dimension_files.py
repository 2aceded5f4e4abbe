"""What text stands in the rows of a CSV, Parquet or GeoJSON file, and which rows cannot be read?

Files come from spreadsheets of all countries: columns are separated by comma, semicolon or tab, whichever gives the
header more names, and known names may have capitals and spaces. Rows are numbered from 1, below the header.
"""

import csv
import re
from collections.abc import Collection, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import polars as pl

from warehouse.geojson import NotGeoJson, feature_rows

SEPARATORS = (",", ";", "\t")
csv.field_size_limit(2**30)  # an area is longer than the 128 KiB that csv takes for a field


class Unreadable(Exception):
    """The file as a whole is something else."""


class FileRows(NamedTuple):
    """All columns as text, the number of each row, and (number, reason) of the rows that are not among them."""

    text: pl.DataFrame
    numbers: list[int]
    problems: list[tuple[int | None, str]]


def file_rows(path: Path, known: Collection[str]) -> FileRows:
    """Read a file whose columns have the names `known`, or others; raise Unreadable."""
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path).with_columns(pl.all().cast(pl.String))
        elif path.suffix in (".geojson", ".json"):
            frame = feature_rows(path.read_bytes())
        else:
            return _csv_rows(path.read_bytes(), known)
    except FileNotFoundError as error:
        raise Unreadable("no such file") from error
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or 'not a whole file'}") from error
    except NotGeoJson as error:
        raise Unreadable(str(error)) from error
    except pl.exceptions.PolarsError as error:
        raise Unreadable("not a Parquet file, or one with columns that are no text, numbers or times") from error
    frame.columns = _names(frame.columns, known)
    return FileRows(frame, list(range(1, frame.height + 1)), [])


def _csv_rows(content: bytes, known: Collection[str]) -> FileRows:
    if b"\0" in content:
        raise Unreadable("not a CSV file in UTF-8; save it as one")
    # What is not UTF-8 stays in the text as half a pair, so that its row can be named.
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = StringIO(text, newline="").readlines()
    if not lines:
        raise Unreadable("empty; the first line names the columns")
    separator = max(SEPARATORS, key=lambda sign: len(next(csv.reader(lines[:1], delimiter=sign), [])))
    rows = _parted(csv.reader(lines, delimiter=separator, strict=True))
    _, header, reason = next(rows)
    if reason or not _is_utf8(header):
        raise Unreadable(f"the line that names the columns: {reason or 'not UTF-8'}")
    names = _names(header, known)
    kept: list[list[str]] = []
    numbers: list[int] = []
    problems: list[tuple[int | None, str]] = []
    for number, row, reason in rows:
        if not row and not reason:
            continue
        if not _is_utf8(row):
            reason = "not UTF-8; save the file as CSV in UTF-8"
        elif len(row) != len(names) and not reason:
            reason = f"{len(row)} fields, and the header has {len(names)}"
        if reason:
            problems.append((number, reason))
        else:
            kept.append(row)
            numbers.append(number)
    frame = pl.DataFrame(kept, schema=dict.fromkeys(names, pl.String), orient="row")
    return FileRows(frame, numbers, problems)


def _parted(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str], str]]:
    """Number, fields, and what is wrong with the row; after a quote that is not closed nothing can be told apart."""
    number = 0
    while True:
        try:
            yield number, next(reader), ""
        except StopIteration:
            return
        except csv.Error:
            yield number, [], 'a quotation mark is not closed, or is inside a field that has none around it ("")'
            return
        number += 1


def _is_utf8(row: list[str]) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for field in row for sign in field)


def _names(header: list[str], known: Collection[str]) -> list[str]:
    """Known columns by their names, others as the file has them; raise Unreadable where one comes twice."""
    plain = [re.sub(r"[\s_-]+", "_", name.strip().lower()) for name in header]
    names = [
        bare if bare in known else name.strip() or f"column_{number}"
        for number, (name, bare) in enumerate(zip(header, plain, strict=True), 1)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Unreadable(f"columns that come twice: {', '.join(twice)}")
    return names
