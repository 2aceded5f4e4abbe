"""How is the file of the warehouse copied for readers while purchases are still being compared?

What rebuilds wrote is half a gigabyte and final; what purchases add is a few megabytes, which DuckDB writes to its log
until the next checkpoint. So the file is copied on a thread, and at the end the log is laid beside that copy: whoever
opens it reads the log, as after a crash. That holds only where nothing but the log was written since: a checkpoint, or
rows by the hundred thousand, go into the file itself, which shows in its time. Then the early copy is thrown away and
one is made as if there had been none.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.connection import open_database
from warehouse.versions import copy_file, flush, make_folder

logger = logging.getLogger(__name__)

EARLY = "warehouse.early"
TICK_S = 0.02  # longer than a tick of the clock that files are stamped with, which is at most 10 ms


class EarlyCopy:
    """A copy of the file `source` as it is now, being made; nobody writes it meanwhile but DuckDB in this process."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source, self._copy = source, folder / EARLY
        self._copy.unlink(missing_ok=True)  # of a run that died, whose copying may still go on
        self._beside = ThreadPoolExecutor(1)
        self._mark = self._beside.submit(self._copied)

    def opened(self, building: Path) -> duckdb.DuckDBPyConnection | None:
        """Make `building` what the warehouse is now, and open it; None where that cannot be told from the copy.

        Needs all that was written to be committed.
        """
        try:
            if self._mark.result() == _mark(self._source):
                log = log_of(self._source)
                if log.exists():
                    shutil.copyfile(log, log_of(building))  # drops DuckDB's lock on the log; that on the file counts
                self._copy.rename(building)
                return open_database(building)
        except (OSError, duckdb.Error) as error:
            logger.warning("the copy that was begun early is of no use, and is made anew: %s", error)
        for left in (self._copy, building, log_of(building)):  # what is made anew needs their room
            left.unlink(missing_ok=True)
        return None

    def end(self) -> None:
        """Wait for the copy, and delete it where nobody took it."""
        self._beside.shutdown()
        self._copy.unlink(missing_ok=True)

    def _copied(self) -> tuple[int, int]:
        """Copy the file, and return what it looked like when that began, which is when it stood still for a tick."""
        mark = None
        while mark != (mark := _mark(self._source)):
            time.sleep(TICK_S)
        copy_file(self._source, self._copy, is_source_read=True)
        flush(self._copy)
        return mark


@contextmanager
def copied_early(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[EarlyCopy | None]:
    """Begin to copy the file behind a connection into a folder; None where there is no file."""
    path = file_of(connection)
    if path is None:
        yield None
        return
    make_folder(folder)
    early = EarlyCopy(path, folder)
    try:
        yield early
    finally:
        early.end()


@contextmanager
def checkpointed_beside(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Bring what is in the log into the file while the block runs, in which nobody else asks the warehouse.

    Where that fails, whoever closes it does it.
    """
    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(_checkpoint, connection.cursor())
        yield
        if (error := done.exception()) is not None:
            logger.warning("the log stays until the warehouse is closed: %s", error)


def _checkpoint(cursor: duckdb.DuckDBPyConnection) -> None:
    with cursor:
        cursor.execute("checkpoint")


def file_of(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """The file behind a connection; None for a database in memory."""
    found: str | None = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()[0][0]
    return None if found is None else Path(found)


def log_of(path: Path) -> Path:
    """Where DuckDB writes what is not in the file yet."""
    return path.with_name(f"{path.name}.wal")


def _mark(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
