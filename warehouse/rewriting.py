"""How does the warehouse's file lose what was deleted from it?

DuckDB keeps the bytes of deleted rows in blocks that it may use again. So the rows that are there are copied to a new
file, which then takes the place of the old one in one step; a run that dies half way leaves the old one.
"""

import os
from pathlib import Path

from warehouse.connection import ensure_schema, open_database


def rewrite(path: Path) -> None:
    """Copy every table of core and marts to a new file and put it in the place of the old one. Needs the lock."""
    fresh = path.with_suffix(".rewriting")
    fresh.unlink(missing_ok=True)
    with open_database(fresh) as connection:
        ensure_schema(connection)
        connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as old (read_only)")
        # Without their stamps views, macros and comments are made when the file is used.
        tables = connection.execute(
            "select schema_name || '.' || table_name, sql from duckdb_tables()"
            " where database_name = 'old' and schema_name in ('core', 'marts') and not ends_with(table_name, '_stamp')"
        ).fetchall()
        for table, definition in tables:
            connection.execute(definition.replace("CREATE TABLE", "create table if not exists", 1))
            connection.execute(f"insert into {table} by name from old.{table}")
        connection.execute("detach old; checkpoint")
    os.chmod(fresh, 0o600)
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.with_suffix(path.suffix + ".wal").unlink(missing_ok=True)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
