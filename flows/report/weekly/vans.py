"""What is attached for those who want to calculate: every van on every date of the week, as numbers.

The columns are those of the display views (docs/tables.md), in the reader's units, named with their unit.
"""

import csv
import io
from typing import NamedTuple

import duckdb

from flows.report.rendered import Period
from flows.report.style import Style
from flows.report.units import METRIC


class Table(NamedTuple):
    """Names of columns, what they mean, and rows."""

    names: list[str]
    meanings: list[str]
    rows: list[tuple[object, ...]]


def van_days(connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period, style: Style) -> Table:
    """Return the van-days of the period in the reader's units, by date and van."""
    system = "metric" if style.units == METRIC else "us"
    found = connection.execute(
        f"select * exclude (tenant_id) from {system}.vehicle_days"
        " where tenant_id = $tenant_id and service_date between $first and $last order by service_date, vehicle_id",
        {"tenant_id": tenant_id, "first": period.first, "last": period.last},
    )
    names = [column[0] for column in found.description or []]
    rows = found.fetchall()
    meanings = dict(
        connection.execute(
            "select column_name, comment from duckdb_columns() where database_name = current_database()"
            " and schema_name = $system and table_name = 'vehicle_days'",
            {"system": system},
        ).fetchall()
    )
    return Table(names, [meanings.get(name) or "" for name in names], rows)


def as_csv(table: Table) -> bytes:
    """Return the table as comma separated values; UTF-8 with a mark that Excel understands."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.names)
    for row in table.rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: object) -> object:
    """Return a value that a spreadsheet will not take for a formula: ids come in by message, from anybody's device."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    return "" if value is None else value
