"""Does a database read a lake in an object store, and if so, how does it reach it?

DuckDB's own extension for that cannot be had everywhere, so a connection is handed a file system (`lake_store`). A
database whose views read such a lake says so in a table, and `warehouse.connection.open_database` then brings the file
system along; nobody else has to think of it. Address and keys come from the standard environment (`AWS_…`).
"""

import re
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from warehouse.lake_store import LakeStore

_STORE_FAILED = re.compile(r"(?:StoreFailed|PermissionError): ([^\n]+)")


class StoreFailed(Exception):
    """A store did not hand out a file of the lake."""


def reach(connection: duckdb.DuckDBPyConnection, root: str) -> None:
    """Have a connection, and its cursors, read the files below a URL, and of no other lake."""
    if connection.filesystem_is_registered("s3"):
        connection.unregister_filesystem("s3")
    connection.register_filesystem(store_at(root))


def store_at(root: str) -> "LakeStore":
    """The one reader of a lake in this process."""
    from warehouse.lake_store import store_at as found  # a third of a second, and a lake in a folder never needs it

    return found(root)


def root_of(path: str, table: str) -> str | None:
    """The URL of the lake that a file of one of its tables belongs to; None for a file on this machine."""
    return path.rsplit(f"/{table}/", 1)[0] if path.startswith("s3://") else None


def store_said(error: BaseException) -> str | None:
    """The one line of a store that failed while DuckDB read it; None for any other error."""
    found = _STORE_FAILED.findall(str(error)) if isinstance(error, duckdb.Error) else []
    return found[-1] if found else None
