"""Which lines are to be compared with positions again, which positions do they need, and where do the results go?

What is found of a line and a van depends on that line and the positions of that van alone. So where nothing but some
vans' positions changed, only they are compared with the lines around.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.lake import ranked, resolved

KEY = ("tenant_id", "provider", "provider_txn_id", "item_no")
CHUNK_LINES = 50  # of one UTC date: their vans' positions of about thirty hours are in memory at once
MOST_VANS = 10  # that changed; of more of them all vans are compared, date by date
MOST_DAYS = 7  # of lines that are compared with these few vans together
MOST_LINES = 1_000  # of these: what is in memory are these few vans, however many the lines


class Evaluated(NamedTuple):
    """Positions that some lines need, and the lines.

    lines      one row per line and instant (`candidate`) at which it may have been bought
    positions  accepted positions by tenant, van and time: all of assigned vans, those near sites of others
    """

    lines: pl.DataFrame
    positions: pl.DataFrame


class _Stale(NamedTuple):
    """A row of `stale_lines`."""

    line_no: int
    about_date: date
    is_read_by_date: bool
    changed_vans: list[str] | None


def stale_chunks(
    connection: duckdb.DuckDBPyConnection, timezone: str, since: datetime | None = None
) -> list[list[int]]:
    """Number the lines whose inputs changed and deal them into chunks to be read together; forget lines that are gone.

    `since` is about when they were last measured: where that tells which vans changed, only these are read. It may be
    wrong, which costs time and changes nothing.
    """
    find_stale_lines(connection, timezone, since)
    keys = ", ".join(KEY)
    connection.execute(
        "create or replace temp table stale_lines as select *, row_number() over"
        " (order by is_read_by_date desc, changed_vans nulls first, about_date, tenant_id, vehicle_id,"
        f" {keys}) as line_no from stale_lines"
    )
    with transaction(connection):
        for name in ("fuel_presence", "fuel_evaluations"):
            connection.execute(
                f"delete from core.{name} where ({keys}) not in (select ({keys}) from core.fuel_lines"
                " where coalesce(line_kind, '') not in ('void', 'credit')"
                " and (at_utc is not null or from_utc is not null))"
            )
    found = connection.execute(
        "select line_no, about_date, is_read_by_date, changed_vans from stale_lines order by line_no"
    ).fetchall()
    return list(_dealt([_Stale(*row) for row in found]))


def find_stale_lines(connection: duckdb.DuckDBPyConnection, timezone: str, since: datetime | None = None) -> None:
    """Fill the temporary `stale_lines` with the lines whose inputs changed, and which vans changed since then."""
    keys = ", ".join(KEY)
    of_line = sql("fuel/line_inputs.sql").replace("{timezone}", timezone)
    now = of_line.replace("{lines}", "core.fuel_lines").replace("{revisions}", "core.revisions")
    connection.execute(f"create or replace temp table line_inputs as {now}")
    measured = f"(from line_inputs semi join core.fuel_evaluations using ({keys}, inputs))"
    before = of_line.replace("{lines}", f"(from core.fuel_lines anti join {measured} using ({keys}))")
    before = before.replace("{revisions}", "(from core.revisions where revised_utc < $since)")
    since = since or datetime.max
    connection.execute(f"create or replace temp table line_inputs_before as {before}", {"since": since})
    connection.execute(sql("fuel/stale_lines.sql"), {"since": since, "most_vans": MOST_VANS})


def read_evaluated(connection: duckdb.DuckDBPyConnection, line_numbers: list[int], timezone: str) -> Evaluated:
    """Read the positions that the lines of one chunk need."""
    first, last = min(line_numbers), max(line_numbers)
    connection.execute(
        "create or replace temp table fuel_chunk as from stale_lines where line_no between $first and $last",
        {"first": first, "last": last},
    )
    connection.execute(sql("fuel/chunk_lines.sql"))
    from_utc, until_utc = connection.execute("select min(from_utc), max(until_utc) from fuel_spans").fetchall()[0]
    connection.execute(sql("fuel/chunk_positions.sql"), _bounds(from_utc, until_utc))
    positions = ranked(f"({resolved('fuel_positions', timezone)})")
    connection.execute(f"create or replace temp view fuel_ranked as {positions}")
    return Evaluated(
        lines=connection.sql("from fuel_candidates order by line_no, candidate").pl(),
        positions=connection.sql(sql("fuel/track.sql")).pl(),
    )


def replace_presence(connection: duckdb.DuckDBPyConnection, line_numbers: list[int], presence: pl.DataFrame) -> None:
    """Put what was found for the lines of one chunk in the place of what core held of them, all of it or nothing."""
    keys = ", ".join(KEY)
    chunk = {"first": min(line_numbers), "last": max(line_numbers)}
    done = "(select * from stale_lines where line_no between $first and $last)"
    assert presence.width
    with transaction(connection):
        connection.execute(
            f"delete from core.fuel_presence as known using {done} as lines where"
            f" {' and '.join(f'known.{key} = lines.{key}' for key in KEY)} and {_is_measured('known')}",
            chunk,
        )
        connection.execute(f"delete from core.fuel_evaluations where ({keys}) in (select ({keys}) from {done})", chunk)
        connection.execute(
            f"insert into core.fuel_presence by name select {keys}, presence.* exclude (line_no)"
            f" from presence join stale_lines as lines using (line_no) where {_is_measured('presence')}"
        )
        connection.execute(f"insert into core.fuel_evaluations by name select {keys}, inputs from {done}", chunk)


def _dealt(found: list[_Stale]) -> Iterator[list[int]]:
    chunk: list[_Stale] = []
    for line in found:
        most = CHUNK_LINES if line.changed_vans is None else MOST_LINES
        if chunk and (len(chunk) >= most or not _are_read_together(chunk[0], line)):
            yield [one.line_no for one in chunk]
            chunk = []
        chunk.append(line)
    if chunk:
        yield [one.line_no for one in chunk]


def _are_read_together(first: _Stale, line: _Stale) -> bool:
    days = (line.about_date - first.about_date).days
    return first[2:] == line[2:] and days < (1 if line.is_read_by_date else MOST_DAYS)


def _is_measured(rows: str) -> str:
    """SQL for whether the van of a row is one that its line was compared with."""
    return f"(lines.changed_vans is null or list_contains(lines.changed_vans, {rows}.vehicle_id))"


def _bounds(from_utc: datetime, until_utc: datetime) -> dict[str, object]:
    return {
        "first": from_utc.date(),
        "last": until_utc.date(),
        "from_utc": from_utc,
        "until_utc": until_utc,
    }
