"""What do new rows of the lake hold, in few rows?

Everything that is noted of new positions is asked of four temporary tables: what a device sent in each quarter of an
hour (`new_quarters`), its newest live positions (`newest_positions`), the UTC dates these are of (`touched_dates`), and
what the lake holds of those dates (`date_quarters`). The simple way fills them by SQL over rows. Whoever can tell from
files what is in them hands a function that does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql


class NewRows(NamedTuple):
    """Where new positions are.

    files      the files that have some
    all_files  those of the whole lake
    reached    by spool the last segment that is not new; rows of other spools all are
    """

    files: Sequence[str]
    all_files: Sequence[str]
    reached: Mapping[str, int]


class Arrived(NamedTuple):
    """The tables, with the columns that `work/<name>.sql` gives them.

    date_quarters  where it would cost too much to count the seconds of a quarter, `second_count` is 0
    """

    new_quarters: pl.DataFrame
    newest_positions: pl.DataFrame
    date_quarters: pl.DataFrame


Told = Callable[[NewRows], Arrived | None]  # None: SQL has to


def note_arrived(connection: duckdb.DuckDBPyConnection, new: NewRows, told: Told | None) -> None:
    """Fill the temporary tables; reads the temporary `unseen_positions`."""
    arrived = told(new) if told is not None else None
    if arrived is None:
        connection.execute(sql("work/new_quarters.sql"))
        connection.execute(sql("work/newest_positions.sql"))
        connection.execute(sql("work/touched_dates.sql"))
        connection.execute(sql("work/date_quarters.sql"))
        return
    for name, rows in arrived._asdict().items():
        assert rows.width
        connection.execute(f"create or replace temp table {name} as from rows")
    connection.execute(sql("work/touched_dates.sql"))
