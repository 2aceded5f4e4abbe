"""A row of each tenant in every table of the warehouse, with the tenant's name in whatever column can hold text."""

from datetime import date, datetime

import duckdb

DAY = date(2026, 2, 26)


def mark(connection: duckdb.DuckDBPyConnection, tenant_id: str, day: date = DAY) -> None:
    """Insert one row of a tenant into every table that has tenants."""
    for table, columns in _tables(connection).items():
        if "tenant_id" in columns:
            values = {name: _value(kind, f"{tenant_id}-mark-{day}", day) for name, kind in columns.items()}
            _insert(connection, table, values | {"tenant_id": tenant_id})


def mark_others(connection: duckdb.DuckDBPyConnection, name: str, day: date = DAY) -> None:
    """Insert one row that says `name` into every table without tenants."""
    for table, columns in _tables(connection).items():
        if "tenant_id" not in columns and not table.endswith("_stamp"):
            _insert(connection, table, {column: _value(kind, name, day) for column, kind in columns.items()})


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "select schema_name || '.' || table_name, map(list(column_name), list(data_type))"
        " from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)"
        " where database_name = current_database() and schema_name in ('core', 'marts') group by 1 order by 1"
    ).fetchall()
    return dict(rows)


def _value(kind: str, text: str, day: date) -> object:
    if kind.endswith("[]"):
        return [_value(kind[:-2], text, day)]
    if kind.startswith(("STRUCT", "MAP")):
        return None if kind.startswith("STRUCT") else {text: text}
    plain = {"VARCHAR": text, "JSON": f'{{"note": "{text}"}}', "DATE": day, "BOOLEAN": True, "TIME": "08:00"}
    return plain.get(kind, datetime(2026, 2, 26, 12) if kind == "TIMESTAMP" else 1)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, values: dict[str, object]) -> None:
    marks = ", ".join("?" for _ in values)
    connection.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", list(values.values()))
