"""Which rows are whose?

A table with a column `tenant_id` holds rows of tenants; a row belongs to the tenant it names. Every other table is
named here, as shared by all tenants or as the operator's. A new table without the column belongs on one of the lists
on purpose: until it is there no tenant sees a row of it, and a test fails.
"""

import re
from typing import NamedTuple

import duckdb

# What it says is the same for all: prices, places and rules, and which of them were used.
SHARED_TABLES = frozenset(
    {
        "core.stations",
        "core.prices",
        "core.jurisdictions",
        "core.co2_choice",
        "core.checks",
        "core.schema_stamp",
        "core.models_stamp",
        "core.words_stamp",
        "marts.definitions",
        "marts.lineage",
        "marts.fuel_rules",
    }
)
# Paths of files, how far spools are loaded, numbers of the register, what was asked for, and counts over all tenants.
OPERATOR_TABLES = frozenset(
    {
        "core.imports",
        "core.absorbed",
        "core.backfills",
        "core.erasures",
        "core.generation",
        "core.lake_versions",
        "core.lines_stamp",
    }
)
# Of shared tables: other columns of the operator's files, which nobody has read.
HIDDEN_COLUMNS = frozenset({"extra"})

# A name of a file that stays in its folder on any file system; broker rules allow a tenant no other name.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Table(NamedTuple):
    """A table of core or marts: `core.ledger`, its columns, and whether they say whose and of which date a row is."""

    name: str
    columns: list[str]
    is_of_tenants: bool
    is_dated: bool

    @property
    def is_shared(self) -> bool:
        return self.name in SHARED_TABLES


def tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[Table]:
    """The tables of core and marts in an attached file, by name."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, list(column_name order by column_index)"
        " from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)"
        " where database_name = $catalog and schema_name in ('core', 'marts') group by 1 order by 1",
        {"catalog": catalog},
    ).fetchall()
    return [Table(name, columns, "tenant_id" in columns, "service_date" in columns) for name, columns in rows]


def is_file_name(tenant_id: str) -> bool:
    """Whether a tenant's name can be that of a file. Names come from topics, where anything but a slash may stand."""
    return _FILE_NAME.fullmatch(tenant_id) is not None
