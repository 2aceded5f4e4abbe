"""Which sums of the network copy have to be made anew, and of which dates are they made?

Weeks and months of all fleets cost seconds where a year of them is summed, and most of them stay as they were. Every
service date of what they are sums of has a digest; a note beside the network copy remembers those it was made of. Sums
of dates that changed are made anew, in a database in memory that has only the dates around these; all others stay in a
copy of the last network copy. It is made from nothing where there is none or no note, and where tables, code or most
dates changed.

To sum a day needs its date, a week the days around it, and a month all of it: so they are summed in this order.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.connection import sql
from warehouse.models import shared_sql, sums_sql

DATED = ("vehicle_days", "route_days", "status_days", "fleet_days")  # all that the sums are sums of
OTHERS = ("core.tenants",)  # and what else decides them
NOTE = "network.json"


class Inputs(NamedTuple):
    """What a network copy is made of: a digest of each service date, and one of all else."""

    others: str
    dates: Mapping[str, str]


class Changes(NamedTuple):
    """The dates that changed since the network copy `last`."""

    last: Path
    dates: tuple[date, ...]

    def spans(self) -> dict[str, tuple[date, date]]:
        """The first and last date of the days, weeks and months that changed dates are in."""
        first, last = min(self.dates), max(self.dates)
        next_month = (last.replace(day=1) + timedelta(days=32)).replace(day=1)
        return {
            "days": (first, last),
            "weeks": (first - timedelta(days=6), last + timedelta(days=6)),
            "months": (first.replace(day=1), next_month - timedelta(days=1)),
        }


def inputs_of(connection: duckdb.DuckDBPyConnection) -> Inputs:
    """What a network copy of the copy for all, attached as `everyone`, would be made of."""
    columns = connection.execute(
        "select string_agg(concat_ws(' ', schema_name, table_name, column_name, data_type), ';' order by all)"
        " from duckdb_columns() where database_name = 'everyone' and schema_name in ('core', 'marts')"
    ).fetchall()
    code = connection.execute("select any_value(code_version) from everyone.core.generation").fetchall()
    rows = [connection.execute(f"select list(part order by part) from everyone.{name} as part") for name in OTHERS]
    texts = (columns, code, duckdb.__version__, sql("schema.sql"), shared_sql(), [found.fetchall() for found in rows])
    parts = " union all ".join(
        f"select service_date, '{name}' as name, count(*) as row_count, sum(hash(part)) as digest"
        f" from everyone.marts.{name} as part group by service_date"
        for name in DATED
    )
    dates = connection.execute(
        "select service_date::varchar, md5(string_agg(concat_ws('/', name, row_count, digest), ' ' order by name))"
        f" from ({parts}) group by all"
    ).fetchall()
    return Inputs(sha256(repr(texts).encode()).hexdigest(), dict(dates))


def changes_since(last: Path, note: Path, inputs: Inputs) -> Changes | None:
    """What changed since the last network copy; None where it is to be made from nothing."""
    try:
        said = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    if not last.exists() or said["of"] != last.name or said["others"] != inputs.others:
        return None
    differing = {day for day, _ in said["dates"].items() ^ inputs.dates.items()}
    if len(differing) > len(inputs.dates) / 2:
        return None
    return Changes(last, tuple(sorted(map(date.fromisoformat, differing))))


def remember(note: Path, copy: Path, inputs: Inputs) -> None:
    """Write down what a network copy was made of."""
    beside = note.with_name(f"{note.name}.new")
    beside.write_text(json.dumps({"of": copy.name, "others": inputs.others, "dates": inputs.dates}))
    beside.replace(note)


@contextmanager
def sums_around(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Attach as `around` what can be summed of the dates that `put_around` puts there."""
    here = connection.execute("select current_database()").fetchall()[0][0]
    connection.execute("attach ':memory:' as around; use around")
    try:
        connection.execute(sql("schema.sql"))
        connection.execute(sums_sql())
        # Which tenants there are is told by the days of fleets: those of all dates.
        for name in (*OTHERS, "core.co2_choice", "marts.definitions", "marts.fleet_days"):
            connection.execute(f"insert into {name} by name from everyone.{name}")
        connection.execute(f'use "{here}"')
        yield
    finally:
        connection.execute(f'use "{here}"; detach around')


def put_around(connection: duckdb.DuckDBPyConnection, span: tuple[date, date]) -> None:
    """Put the rows of these dates in the place of those in `around`."""
    for name in DATED:
        if name != "fleet_days":
            connection.execute(f"delete from around.marts.{name}")
            connection.execute(
                f"insert into around.marts.{name} by name"
                f" from everyone.marts.{name} where service_date between date '{span[0]}' and date '{span[1]}'"
            )
