"""What is attached for those who want to calculate: every van on every date of the week, as numbers.

The columns are those of the display views (docs/tables.md), in the reader's units, named with their unit. The workbook
has a sheet that says what each means.
"""

import io
from datetime import datetime, time
from typing import NamedTuple

import duckdb

from flows.answers import unit_of
from flows.report.csv_file import csv_file
from flows.report.rendered import Period
from flows.report.style import Style
from flows.report.units import METRIC
from flows.workbook import Heading, Sheet, write_sheets


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
    """Return the table as comma separated values."""
    return csv_file(table.names, _rows(table))


def as_workbook(table: Table, period: Period) -> bytes:
    """Return the table as a sheet with types, units and a fixed header, and one that says what its columns mean."""
    units = [unit_of(name, meaning) for name, meaning in zip(table.names, table.meanings, strict=True)]
    vans = Sheet(
        "Vans",
        [Heading(name, unit) for name, unit in zip(table.names, units, strict=True)],
        _rows(table),
    )
    headings = [Heading("column", ""), Heading("unit", ""), Heading("what it means", "")]
    meanings = [list(row) for row in zip(table.names, units, table.meanings, strict=True)]
    out = io.BytesIO()
    # The same table gives the same bytes whenever it is written.
    created = datetime.combine(period.last, time())
    write_sheets(out, [vans, Sheet("Definitions", headings, meanings, wraps=True)], created=created)
    return out.getvalue()


def _rows(table: Table) -> list[list[object]]:
    """Return the rows with lists, such as quality flags, in words."""
    return [[" ".join(map(str, value)) if isinstance(value, list) else value for value in row] for row in table.rows]
