"""How is an answer shown or written? As a table where it fits the terminal, else record by record; or as a file."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import polars as pl

from flows.workbook import Heading, write_workbook

SHOWN_ROWS, SHOWN_RECORDS = 200, 20
PIPED_WIDTH = 200  # where there is no terminal
SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".txt": "table",
    ".md": "markdown",
}
UNITS = {
    "us": "µs", "s": "s", "min": "min", "h": "h", "m": "m", "mi": "mi", "km": "km", "ft": "ft", "l": "l", "gal": "gal",
    "kg": "kg", "kwh": "kWh", "lb": "lb", "pct": "%", "v": "V", "kmh": "km/h", "deg": "°", "utc": "UTC",
    "local": "local time", "count": "number",
}  # fmt: skip
UNITS_IN_WORDS = {
    "degrees": "°", "0 to 1": "0 to 1", "a ratio": "ratio",
    "litres per 100 km": "l/100 km", "miles per US gallon": "mi/gal",
    "in currency per stop": "currency/stop", "in currency per km": "currency/km", "in currency per mile": "currency/mi",
    "kg per km": "kg/km", "kg per mile": "kg/mi", "kWh per km": "kWh/km", "kWh per mile": "kWh/mi",
    "in currency": "currency", "number of": "number",
}  # fmt: skip


def format_of(out: Path | None, asked: str | None) -> str:
    """The format that is asked for, else that of the file's suffix, else a table."""
    return asked or (SUFFIXES.get(out.suffix.lower()) if out is not None else None) or "table"


def show(frame: pl.DataFrame, *, vertical: bool | None) -> None:
    """Print rows as a table or one below the other; `vertical` unset: as they fit."""
    text, shown_count = readable_text(frame, get_terminal_size((PIPED_WIDTH, 50)).columns, vertical=vertical)
    print(text)
    if frame.height > shown_count:
        print(f"{frame.height} rows, the first {shown_count} shown; --format csv has them all", file=sys.stderr)


def readable_text(frame: pl.DataFrame, width: int, *, vertical: bool | None = None) -> tuple[str, int]:
    """Rows as text no wider than `width` where that can be, and how many of them are in it."""
    shown = _printable(readable(frame.head(SHOWN_ROWS)))
    table = "" if vertical else _table(shown)
    if vertical or (vertical is None and frame.height and table.index("\n") > width):
        return _records(shown.head(SHOWN_RECORDS)), SHOWN_RECORDS
    return table, SHOWN_ROWS


def write(frame: pl.DataFrame, output: str, out: Path | None, *, title: str, comments: Mapping[str, str]) -> None:
    """Write rows as csv, json, parquet, xlsx or text, to a file or standard output."""
    target: Any = out if out is not None else sys.stdout.buffer
    match output:
        case "parquet":
            frame.write_parquet(target)
        case "json":
            readable(frame).write_ndjson(target)
        case "csv":
            _flat(readable(frame)).write_csv(target)
        case "xlsx":
            assert out is not None
            headings = [Heading(name, unit_of(name, comments.get(name, ""))) for name in frame.columns]
            write_workbook(out, title, headings, _cells(readable(frame)))
        case _:
            assert out is not None
            out.write_text(readable_text(frame, PIPED_WIDTH)[0] + "\n")


def unit_of(name: str, comment: str) -> str:
    """The unit of a column, from the ending of its name or from its comment; empty: none is known."""
    if "_per_" not in name and (unit := UNITS.get(name.rpartition("_")[2])) is not None and "_" in name:
        return unit
    return next((unit for words, unit in UNITS_IN_WORDS.items() if words in comment), "")


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Payloads are bytes: as text they show what can be read of them."""
    return _texts(frame, lambda kind: kind == pl.Binary, lambda value: bytes(value).decode(errors="replace"))


def _printable(frame: pl.DataFrame) -> pl.DataFrame:
    """Text from messages may hold what moves a terminal's cursor; here it shows as a replacement character."""
    return _texts(frame, lambda kind: kind == pl.String, lambda value: _safe(str(value)))


def _safe(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """CSV has no lists and no structures: lists become text with semicolons, the rest JSON."""
    lists = frame.with_columns(
        pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(";")
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.List) and not kind.inner.is_nested()  # type: ignore[union-attr]
    )
    return _texts(lists, lambda kind: kind.is_nested(), lambda value: _as_json(value))


def _texts(frame: pl.DataFrame, applies: Callable[[pl.DataType], bool], text_of: Callable[[Any], str]) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(name, [None if value is None else text_of(value) for value in frame[name].to_list()], pl.String)
        for name, kind in frame.schema.items()
        if applies(kind)
    )


def _cells(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return _flat(frame).rows()


def _as_json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _table(frame: pl.DataFrame) -> str:
    with pl.Config(
        tbl_rows=SHOWN_ROWS,
        tbl_cols=-1,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_width_chars=60_000,  # as wide as it is: whether that fits is asked afterwards
        fmt_str_lengths=60,
        fmt_table_cell_list_len=8,
        tbl_formatting="UTF8_FULL_CONDENSED",
        tbl_cell_numeric_alignment="RIGHT",
        float_precision=3,
    ):
        return str(frame)


def _records(frame: pl.DataFrame) -> str:
    """Each row as lines of name and value, the way psql prints what is too wide."""
    width = max((len(name) for name in frame.columns), default=0)
    lines: list[str] = []
    for number, row in enumerate(frame.iter_rows(named=True), 1):
        lines.append(f"-[ {number} ]".ljust(width + 20, "-"))
        lines += (f"{name.ljust(width)} | {_value(value)}" for name, value in row.items())
    return "\n".join(lines)


def _value(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.3f}"
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
        case list() if not any(isinstance(one, (dict, list)) for one in _some(value)):
            return f"[{', '.join(_value(one) for one in _some(value))}]"
        case dict() | list():
            return _as_json(value)
    return str(value)


def _some(values: Iterable[object]) -> list[object]:
    return list(values)
