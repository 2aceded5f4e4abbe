"""Which lines are to be compared with positions again, which positions do they need, and where do the results go?"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.lake import ranked, resolved

KEY = ("tenant_id", "provider", "provider_txn_id", "item_no")
CHUNK_LINES = 50  # of one UTC date: their vans' positions of about thirty hours are in memory at once


class Evaluated(NamedTuple):
    """Positions that some lines need, and the lines.

    lines      one row per line and instant (`candidate`) at which it may have been bought
    positions  accepted positions by tenant, van and time: all of assigned vans, those near sites of others
    """

    lines: pl.DataFrame
    positions: pl.DataFrame


def stale_chunks(connection: duckdb.DuckDBPyConnection, timezone: str) -> list[list[int]]:
    """Number the lines whose inputs changed and deal them into chunks of one UTC date; forget lines that are gone."""
    connection.execute(sql("fuel/stale_lines.sql").replace("{timezone}", timezone))
    keys = ", ".join(KEY)
    connection.execute(
        "create or replace temp table stale_lines as select *, row_number() over"
        f" (order by coalesce(at_utc, day_from_utc)::date, tenant_id, vehicle_id, {keys}) as line_no from stale_lines"
    )
    with transaction(connection):
        for name in ("fuel_presence", "fuel_evaluations"):
            connection.execute(
                f"delete from core.{name} where ({keys}) not in (select ({keys}) from core.fuel_lines"
                " where coalesce(line_kind, '') not in ('void', 'credit')"
                " and (at_utc is not null or from_utc is not null))"
            )
    found: list[tuple[int, date]] = connection.execute(
        "select line_no, coalesce(at_utc, day_from_utc)::date from stale_lines order by line_no"
    ).fetchall()
    return list(_dealt(found))


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
        for name in ("fuel_presence", "fuel_evaluations"):
            connection.execute(f"delete from core.{name} where ({keys}) in (select ({keys}) from {done})", chunk)
        connection.execute(
            f"insert into core.fuel_presence by name select {keys}, presence.* exclude (line_no)"
            " from presence join stale_lines using (line_no)"
        )
        connection.execute(f"insert into core.fuel_evaluations by name select {keys}, inputs from {done}", chunk)


def _dealt(found: list[tuple[int, date]]) -> Iterator[list[int]]:
    chunk: list[int] = []
    chunk_date = None
    for line_no, day in found:
        if chunk and (day != chunk_date or len(chunk) == CHUNK_LINES):
            yield chunk
            chunk = []
        chunk.append(line_no)
        chunk_date = day
    if chunk:
        yield chunk


def _bounds(from_utc: datetime, until_utc: datetime) -> dict[str, object]:
    return {
        "first": from_utc.date(),
        "last": until_utc.date(),
        "from_utc": from_utc,
        "until_utc": until_utc,
    }
