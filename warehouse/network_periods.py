"""Which sums of the network copy have to be made anew, and of which dates are they made?

Weeks and months of all fleets cost seconds where a year of them is summed, and most of them stay as they were. Every
service date of what they are sums of has a digest; a note beside the network copy remembers those it was made of. Sums
of dates that changed are made anew, in a database in memory that has only the dates around these; all others stay in a
copy of the last network copy. It is made from nothing where there is none or no note, and where tables, code or most
dates changed.

To sum a day needs its date, a week the days around it, and a month all of it: so they are summed in this order.
None of it needs a purchase. So it is done on a thread, from the warehouse, while purchases are compared; where the copy
for all turns out to have other dates than were summed, they are summed once more from it.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from warehouse.connection import prepare, sql
from warehouse.models import shared_sql, sums_sql
from warehouse.versions import NETWORK_LINK

if TYPE_CHECKING:
    import pyarrow as pa

DATED = ("vehicle_days", "route_days", "status_days", "fleet_days")  # all that the sums are sums of
ALL_DATES = "fleet_days"  # which tenants there are is told by the days of fleets: by those of all dates
OTHERS = ("core.tenants",)  # and what else decides them
NOTE = "network.json"
SUMMED = re.compile(r"(fleet|depot|network)_(days|weeks|months|periods)")
MOST_ROWS = 100_000  # of what is summed, held in memory while purchases are compared


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

    def periods(self) -> list[tuple[str, str]]:
        """Days, weeks and months, each with the condition that picks rows of those that changed dates are in."""
        days = ", ".join(f"date '{day}'" for day in self.dates)
        of_dates = {"days": ("service_date", "service_date")}
        bounds = {period: of_dates.get(period, ("date_from", "date_to")) for period in self.spans()}
        return [
            (period, f"len(list_filter([{days}], lambda day: day between {begin} and {end})) > 0")
            for period, (begin, end) in bounds.items()
        ]


class Summed(NamedTuple):
    """Sums of dates that changed, by mart, and the digests of all dates there were."""

    dates: Mapping[str, str]
    changed: tuple[date, ...]
    rows: Mapping[str, "pa.Table"]


def inputs_of(connection: duckdb.DuckDBPyConnection) -> Inputs:
    """What a network copy of the copy for all, attached as `everyone`, would be made of."""
    columns = connection.execute(
        "select string_agg(concat_ws(' ', schema_name, table_name, column_name, data_type), ';' order by all)"
        " from duckdb_columns() where database_name = 'everyone' and schema_name in ('core', 'marts')"
    ).fetchall()
    code = connection.execute("select any_value(code_version) from everyone.core.generation").fetchall()
    rows = [connection.execute(f"select list(part order by part) from everyone.{name} as part") for name in OTHERS]
    texts = (columns, code, duckdb.__version__, sql("schema.sql"), shared_sql(), [found.fetchall() for found in rows])
    return Inputs(sha256(repr(texts).encode()).hexdigest(), _digests(connection, "everyone"))


def changes_since(last: Path, note: Path, inputs: Inputs) -> Changes | None:
    """What changed since the last network copy; None where it is to be made from nothing."""
    try:
        said = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    if not last.exists() or said["of"] != last.name or said["others"] != inputs.others:
        return None
    differing = _differing(said["dates"], inputs.dates)
    return None if differing is None else Changes(last, differing)


def remember(note: Path, copy: Path, inputs: Inputs) -> None:
    """Write down what a network copy was made of."""
    beside = note.with_name(f"{note.name}.new")
    beside.write_text(json.dumps({"of": copy.name, "others": inputs.others, "dates": inputs.dates}))
    beside.replace(note)


def summed_again(connection: duckdb.DuckDBPyConnection, source: str, changes: Changes) -> Generator[tuple[str, str]]:
    """Days, then weeks, then months: while each is yielded, with what picks its rows, they can be read in `around`."""
    if not changes.dates:
        return
    with _sums_around(connection, source):
        for period, touched in changes.periods():
            _put_around(connection, source, changes.spans()[period])
            yield period, touched


@contextmanager
def summed_ahead(warehouse: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[Future[Summed | None]]:
    """Sum what changed since the last network copy in a folder on a thread, while the block runs.

    None where it is too much, or where there is no last copy to compare with.
    """
    cursor = warehouse.cursor()
    with ThreadPoolExecutor(1) as beside:
        try:
            yield beside.submit(_summed, cursor, folder)
        except BaseException:
            cursor.interrupt()
            raise


def _summed(warehouse: duckdb.DuckDBPyConnection, folder: Path) -> Summed | None:
    with warehouse:
        prepare(warehouse)
        try:
            said = json.loads((folder / NOTE).read_text())["dates"]
        except (OSError, ValueError):
            return None
        here = warehouse.execute("select current_database()").fetchall()[0][0]
        source = '"' + here.replace('"', '""') + '"'
        dates = _digests(warehouse, source)
        changed = _differing(said, dates)
        if not changed:
            return None
        changes = Changes((folder / NETWORK_LINK).resolve(), changed)
        first, last = changes.spans()["months"]
        around = f"where service_date between date '{first}' and date '{last}'"
        counts = (f"(select count(*) from marts.{name} {'' if name == ALL_DATES else around})" for name in DATED)
        if warehouse.execute(f"select {' + '.join(counts)}").fetchall()[0][0] > MOST_ROWS:
            return None
        names = warehouse.execute(
            "select table_name from information_schema.tables where table_catalog = $source and table_schema = 'marts'",
            {"source": here},
        ).fetchall()
        # Closed before the connection is, also where something fails: what it attached would stay.
        with closing(summed_again(warehouse, source, changes)) as periods:
            rows = {
                name: warehouse.sql(f"from around.marts.{name} where {touched}").to_arrow_table()
                for period, touched in periods
                for (name,) in names
                if SUMMED.fullmatch(name) and name.endswith(f"_{period}")
            }
    return Summed(dates, changed, rows)


def _digests(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """One digest of each service date of what is summed in this database."""
    parts = " union all ".join(
        f"select service_date, '{name}' as name, count(*) as row_count, sum(hash(part)) as digest"
        f" from {source}.marts.{name} as part group by service_date"
        for name in DATED
    )
    found = connection.execute(
        "select service_date::varchar, md5(string_agg(concat_ws('/', name, row_count, digest), ' ' order by name))"
        f" from ({parts}) group by all"
    ).fetchall()
    return dict(found)


def _differing(said: Mapping[str, str], found: Mapping[str, str]) -> tuple[date, ...] | None:
    """The dates whose digests differ; None where they are most of them."""
    differing = {day for day, _ in said.items() ^ found.items()}
    return None if len(differing) > len(found) / 2 else tuple(sorted(map(date.fromisoformat, differing)))


@contextmanager
def _sums_around(connection: duckdb.DuckDBPyConnection, source: str) -> Iterator[None]:
    """Attach as `around` what can be summed of the dates that `_put_around` puts there."""
    here = connection.execute("select current_database()").fetchall()[0][0]
    connection.execute("attach ':memory:' as around; use around")
    try:
        connection.execute(sql("schema.sql"))
        connection.execute(sums_sql())
        for name in (*OTHERS, "core.co2_choice", "marts.definitions", f"marts.{ALL_DATES}"):
            connection.execute(f"insert into {name} by name from {source}.{name}")
        connection.execute(f'use "{here}"')
        yield
    finally:
        connection.execute(f'use "{here}"; detach around')


def _put_around(connection: duckdb.DuckDBPyConnection, source: str, span: tuple[date, date]) -> None:
    """Put the rows of these dates in the place of those in `around`."""
    for name in DATED:
        if name != ALL_DATES:
            connection.execute(f"delete from around.marts.{name}")
            connection.execute(
                f"insert into around.marts.{name} by name"
                f" from {source}.marts.{name} where service_date between date '{span[0]}' and date '{span[1]}'"
            )
