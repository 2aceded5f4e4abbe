"""What has to be in a file for `odograph import`? The page docs/imports.md, and the answer of `--columns`.

    python -m warehouse.dimension_guide > docs/imports.md

Names, types and what may be empty come from `DIMENSIONS`, meanings from the dictionary of the tables.
"""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from warehouse.dictionary import dictionary
from warehouse.dimension_columns import DIMENSIONS, Column, Dimension
from warehouse.dimension_types import column_type
from warehouse.dimension_values import status_words
from warehouse.retention import kinds

TYPES = {
    pl.String: "text",
    pl.Int32: "whole number",
    pl.Float64: "number",
    pl.Decimal: "amount of money",
    pl.Date: "date (2026-02-26)",
    pl.Datetime: "instant (2026-02-26T09:20:00-05:00; without an offset: UTC)",
    pl.Time: "time of day (08:30)",
}
UNITS = {
    "_l_per_h": "litres an hour",
    "_km_per_day": "km a day",
    "_l": "litres",
    "_lb": "pounds",
    "_m": "metres",
    "_s": "seconds",
    "_days": "days",
    "itude": "degrees, WGS 84",
}
# Where a file is spoken of, and not the table that its rows become.
WORDS = {
    "tenant_id": "whose row it is: a letter or digit, then letters, digits, dots, dashes and underscores",
    "vehicle_id": "the van",
    "driver_id": "the driver, as plans and fuel cards call him or her",
    "route_id": "the route, as plans or messages name it",
    "service_date": "the service date it is about",
    "status": status_words(),
    "cards.status": "active, blocked, ... as the provider words it",
    "latitude": "north of the equator; empty: the place is not known",
    "longitude": "east of Greenwich; empty: the place is not known",
    "stations.latitude": "north of the equator",
    "stations.longitude": "east of Greenwich",
    "valid_from": "the first date on which the row holds; empty: always did",
    "valid_to": "the first date on which it holds no more; empty: still does; the same as valid_from: never did",
    "id": "id of the device, card, driver or depot; a van has one depot at a time",
    "to_utc": "when it ended; empty: still so; the same as from_utc: never was",
    "data": f"one of {', '.join(kinds())}",
}
ABOUT = """# Files for `odograph import`

Which columns have the files that `odograph import KIND FILE` takes; `odograph import KIND --columns` says the same.
Files of fuel-card providers are another matter: [fuel cards](fuel-cards.md).

Files are CSV in UTF-8 with a header, Parquet, and for areas GeoJSON, whose properties are the columns.
In CSV the separator is a comma, a semicolon or a tab; numbers have a decimal point, dates are written as 2026-02-26.
Capitals, spaces and dashes in the names of columns do not matter, nor does their order.
Columns that are not listed here are kept beside the others, in `extra`.
An empty field (null in the words below) is allowed where a column is not required, and so is leaving such a column out.
A file is taken whole or not at all: each bad row is listed with its number and the reason.
The first row below the header is 1, and empty lines count.

A row replaces the one with the same key.
Rows of one thing that differ in `valid_from` follow each other and never overlap; where one ends, write its `valid_to`.
To correct a row with a wrong first date, import it again with that date as its `valid_to`, beside the right row.
It never held then, and is removed.
Assignments are corrected likewise with `to_utc`, hours with `clock_out_utc`.
A row whose first date is empty can be ended only: give it a `valid_to` before your first day.
Each change re-opens the dates it matters to, and the next `odograph refresh` computes them anew.

Whole card numbers are refused; numbers of trackers (IMEI) are not.
In columns that are not listed here all but the last four digits of a card number become stars.
"""


class Described(NamedTuple):
    """One column as a person reads it."""

    name: str
    form: str
    is_required: bool
    meaning: str


def described(dimension: Dimension) -> Iterator[Described]:
    """The columns of a kind of file, in order."""
    for column in dimension.columns:
        yield Described(column.name, _form(column), column.is_required, _meaning(dimension, column))


def _form(column: Column) -> str:
    form = TYPES[column_type(column.name).base_type()]
    unit = next((unit for ending, unit in UNITS.items() if column.name.endswith(ending)), None)
    return f"{form}, {unit}" if unit and form.endswith("number") else form


def _meaning(dimension: Dimension, column: Column) -> str:
    name = column.name
    words = WORDS.get(f"{dimension.name}.{name}") or WORDS.get(name) or dictionary().column(dimension.table, name)
    if words is None:
        raise LookupError(f"{dimension.table} does not say what {name} is")
    return words


def _key(dimension: Dimension) -> list[str]:
    """The columns of the file that tell rows apart; of an assignment of a depot `vehicle_id` stands for `id`."""
    return ["id" if name == "subject_id" else name for name in dimension.key]


def in_lines(dimension: Dimension) -> str:
    """A kind of file for a terminal."""
    lines = [f"{dictionary().comment(dimension.table)} Key: {', '.join(_key(dimension))}.", ""]
    for name, form, is_required, meaning in described(dimension):
        lines += [f"{name}  ({'required' if is_required else 'may be empty'}; {form})", f"    {meaning}"]
    return "\n".join(lines)


def page() -> str:
    """All kinds of files, in Markdown."""
    parts = [ABOUT]
    for dimension in DIMENSIONS.values():
        rows = [
            f"| `{name}` | {form} | {'yes' if is_required else ''} | {meaning} |"
            for name, form, is_required, meaning in described(dimension)
        ]
        head = [f"## {dimension.name}", "", dictionary().comment(dimension.table) or "", ""]
        key = ["", f"Key: {', '.join(f'`{name}`' for name in _key(dimension))}.", ""]
        table = ["| column | type | required | meaning |", "| --- | --- | --- | --- |", *rows]
        parts.append("\n".join([*head, *table, *key]))
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
