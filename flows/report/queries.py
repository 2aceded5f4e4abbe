"""How are the selects of a report read as rows?

A select is a file in `sql/`; its columns are matched by name with the fields of a row. All selects of a report are read
over one connection, so that a copy swapped in meanwhile cannot mix two states of knowledge.
"""

from datetime import UTC, datetime
from importlib import resources
from typing import Any, TypeVar

import duckdb

Row = TypeVar("Row")


def rows(connection: duckdb.DuckDBPyConnection, query: str, kind: type[Row], **parameters: object) -> list[Row]:
    """Return the rows of `sql/<query>.sql` as `kind`; parameters that the select does not name are left out."""
    text = resources.files("flows.report").joinpath("sql", f"{query}.sql").read_text(encoding="utf-8")
    named = {name: value for name, value in parameters.items() if f"${name}" in text}
    found = connection.execute(text, named)
    names = [column[0] for column in found.description or []]
    return [kind(**dict(zip(names, map(_aware, row), strict=True))) for row in found.fetchall()]


def _aware(value: Any) -> Any:
    """Return an instant as aware, any other value as it is: the columns hold UTC without saying so."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
