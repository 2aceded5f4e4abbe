"""Where only DuckDB 1.x is to be had: `python examples/older_copy.py FILE` writes all tables of marts for it.

DuckDB 2.0 writes a format that 1.x refuses; this one has been readable since 1.0. It is made anew each time and moved
into place whole, so it can be run after every refresh. Views and macros stay behind: what a view says can be asked
here and written as a table.
"""

import os
import sys
from pathlib import Path

import duckdb

published = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data"), "published", "odograph.duckdb")
older = Path(sys.argv[1])
building = older.with_suffix(".building")
building.unlink(missing_ok=True)
with duckdb.connect() as connection:
    connection.execute(f"attach '{published}' as published (read_only)")
    connection.execute(f"attach '{building}' as older (storage_version 'v1.0.0')")
    connection.execute("create schema older.core; create schema older.marts")
    connection.execute("create table older.core.generation as from published.core.generation")
    tables = connection.execute(
        "select table_name from duckdb_tables()"
        " where database_name = 'published' and schema_name = 'marts' order by all"
    ).fetchall()
    for (name,) in tables:
        connection.execute(f"create table older.marts.{name} as from published.marts.{name}")
building.replace(older)
print(f"{len(tables)} tables of marts")
