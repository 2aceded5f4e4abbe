"""How can the published copy be asked over the network? By DuckDB's own remote protocol, where its extension is there.

The extension `quack` does not come with DuckDB's package and is never downloaded by us. A process of its own serves
one generation, read-only and for those who know the token; when the link moves on, it ends and another one begins.
"""

import os
import subprocess
import sys
from pathlib import Path
from time import sleep

import duckdb

from flows.querying import open_published
from flows.settings import Settings

EXTENSION = "quack"
TOKEN = "ODOGRAPH_SERVE_SQL_TOKEN"
POLL_S = 1.0


class CannotServe(Exception):
    """Something that serving needs is not there."""


def serve_sql(settings: Settings) -> None:
    """Serve the newest published copy until stopped; raise CannotServe where that cannot be."""
    address, token = settings.serve_sql, settings.serve_sql_token
    if address is None or token is None:
        raise CannotServe(f"set ODOGRAPH_SERVE_SQL, such as quack:localhost, and {TOKEN}")
    with open_published(settings.published_path) as published:
        check_extension(published)
    while True:
        path = settings.published_path.resolve()
        command = [sys.executable, "-m", "flows.serving_sql", str(path), address]
        server = subprocess.Popen(command, env=os.environ | {TOKEN: token})
        try:
            while settings.published_path.resolve() == path:
                if server.poll() is not None:
                    raise CannotServe(f"the server of {address} ended with status {server.returncode}")
                sleep(POLL_S)
        finally:
            server.terminate()
            server.wait()


def check_extension(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension; raise CannotServe, in one line, where it is not installed for this DuckDB."""
    try:
        connection.execute(f"load {EXTENSION}")
    except duckdb.Error as error:
        raise CannotServe(
            f"DuckDB {duckdb.__version__} has no extension {EXTENSION!r} here; where the network allows it,"
            f" run `INSTALL {EXTENSION}` in DuckDB once"
        ) from error


def main(path: Path, address: str) -> None:
    """Serve one copy until terminated."""
    with open_published(path) as published:
        check_extension(published)
        published.execute(
            "call quack_serve($address, token = $token)", {"address": address, "token": os.environ[TOKEN]}
        )
        while True:
            sleep(POLL_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
