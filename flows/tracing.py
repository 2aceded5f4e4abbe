"""What stands behind one number of a mart?

    number -> its formula, with the value of each term -> runs of the ledger or rows of another mart -> what made it

How a number is made is read from `warehouse.lineage`, its values from the published copy. For one row every `this.x` of
the lineage is a value that is known, so each question is a small one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from flows.asked_number import STARTS, Asked, lineage_of, row_of
from flows.explaining import Row, frame_of, rows_of
from warehouse.connection import sql
from warehouse.lineage import Lineage, Origin

RUNS = ("core.ledger", "staging.idle_runs", "staging.idle_rows", "core.idle_verdicts($day)", "core.stops")
_ENDS = {"started_utc": "ended_utc", "arrived_utc": "departed_utc"}
_OF_THIS = re.compile(r"\bthis\.(\w+)")


class Term(NamedTuple):
    """A number that another is made of; `depth` counts the formulas between it and the number asked for."""

    name: str
    value: object
    meaning: str
    origin: Origin | None
    depth: int


class Trace(NamedTuple):
    """One number and what is behind it.

    row         the row of the mart it stands in
    anew        what its lineage makes of it now; None where one select makes the whole row
    terms       what it is made of, each formula followed by its own terms
    thresholds  the settings of SQL that are named, with their values
    runs        the runs behind it in order of time, numbered from 1; empty where it is not about one van
    parts       the rows of another mart it is the sum of; `part_of` names that
    """

    asked: Asked
    row: Row
    zone: ZoneInfo
    meaning: str
    lineage: Lineage
    origin: Origin | None
    anew: object
    terms: Sequence[Term]
    thresholds: Mapping[str, object]
    definition: Row | None
    runs: pl.DataFrame
    parts: pl.DataFrame
    part_of: str | None
    made_by: Row | None
    held_back_by: str | None
    generation: Row
    revisions: pl.DataFrame


def trace(published: duckdb.DuckDBPyConnection, asked: Asked) -> Trace:
    """Find the row, the terms and the runs of a number; raise NothingToExplain, naming what there is, without one."""
    lineage = lineage_of(published, asked)
    row, zone = row_of(published, lineage, asked)
    origin = lineage.columns.get(asked.column)
    meanings = _meanings(published, asked.table)
    terms = [] if origin is None else _terms(published, lineage, origin, row, meanings, 0)
    leaves = [term.origin for term in terms if term.origin is not None and term.origin.source is not None]
    if origin is not None and origin.source is not None:
        leaves = [origin]
    named = sorted({name for found in [*leaves, *([origin] if origin else [])] for name in found.thresholds})
    runs = pl.DataFrame() if origin is None else _runs(published, leaves, row)
    parts, part_of = _parts(published, leaves, row)
    definition_id = row.get("definition_id") or (origin.definition if origin else None)
    key = {"tenant": row["tenant_id"], "day": row.get("service_date")}
    of_date = "where tenant_id = $tenant and service_date = $day"
    return Trace(
        asked,
        row,
        zone,
        meanings.get(asked.column, ""),
        lineage,
        origin,
        None if origin is None else _anew(published, lineage, asked.column, row),
        terms,
        {name: published.sql(f"select {name}").fetchall()[0][0] for name in named},
        _first(published, "from marts.definitions where definition_id = $id", id=definition_id),
        runs,
        parts,
        part_of,
        _first(published, f"from core.loads {of_date} order by load_id desc limit 1", **key),
        _first(published, f"select string_agg(check_name, ', ') as names from core.held_back {of_date}", **key)[
            "names"
        ],
        _first(published, "from core.generation"),
        frame_of(
            published,
            f"from core.revisions {of_date} and vehicle_id = $vehicle order by revision",
            **key,
            vehicle=row.get("vehicle_id"),
        ),
    )


def _terms(
    published: duckdb.DuckDBPyConnection,
    lineage: Lineage,
    origin: Origin,
    row: Row,
    meanings: Mapping[str, str],
    depth: int,
) -> list[Term]:
    """What a formula is made of, down to what is read from elsewhere; each name once."""
    terms: list[Term] = []
    direct = lineage.terms_of(origin, list(row))
    for name in direct:
        found = lineage.terms.get(name) or lineage.columns.get(name)
        value = row[name] if name in row else _looked_up(published, lineage.terms[name], row)
        terms.append(Term(name, value, meanings.get(name, ""), found, depth))
        if found is not None and found.formula is not None and name != origin.name:
            told = {*direct, *(term.name for term in terms)}
            below = _terms(published, lineage, found, row, meanings, depth + 1)
            terms += [term for term in below if term.name not in told]
    return terms


def _looked_up(published: duckdb.DuckDBPyConnection, term: Origin, row: Row) -> object:
    text, given = _bound(f"select {term.value} as value from {term.source} as source where {term.condition}", row)
    found = rows_of(published, text, **given)
    return found[0]["value"] if found else None


def _anew(published: duckdb.DuckDBPyConnection, lineage: Lineage, column: str, row: Row) -> object:
    where = " and ".join(f"{name} = this.{name}" for name in lineage.key)
    # The row is picked by its key; within the lineage `this` goes on to be that row.
    picked, given = _bound(where, row)
    text = lineage.recomputed([column], picked)
    if "$day" in text:
        given["day"] = row.get("service_date")
    found = published.sql(text, params=given).fetchall()
    return found[0][-1] if found else None


def _runs(published: duckdb.DuckDBPyConnection, leaves: Sequence[Origin], row: Row) -> pl.DataFrame:
    """The runs that are behind these numbers; of a number that is measured of a whole vehicle-date, all of its runs."""
    if row.get("vehicle_id") is None or row.get("service_date") is None:
        return pl.DataFrame()
    source = next((name for name in RUNS if any(leaf.source == name for leaf in leaves)), None)
    conditions = [leaf.condition for leaf in leaves if leaf.source == source]
    if source is None:
        source = "core.ledger"
        conditions = [
            " and ".join(f"source.{name} = this.{name}" for name in ("tenant_id", "vehicle_id", "service_date"))
        ]
        if row.get("ended_utc") is not None:
            conditions[0] += " and source.started_utc < this.ended_utc and source.ended_utc > this.started_utc"
    columns = published.sql(f"from {source.replace('$day', 'current_date')} limit 0").columns
    start = next(name for name in STARTS if name in columns)
    text, given = _bound(
        f"select source.* exclude ({start}, {_ENDS[start]}), {start} as started_utc, {_ENDS[start]} as ended_utc,"
        f" row_number() over (order by {start}, {_ENDS[start]}) as run from {source} as source"
        f" where {' or '.join(f'({condition})' for condition in conditions)} order by run",
        row,
    )
    return frame_of(published, text, **given)


def _parts(published: duckdb.DuckDBPyConnection, leaves: Sequence[Origin], row: Row) -> tuple[pl.DataFrame, str | None]:
    """The rows of another mart that a number of a fleet is the sum of, the largest first."""
    leaf = next((leaf for leaf in leaves if (leaf.source or "").startswith("marts.")), None)
    if leaf is None or leaf.source is None or row.get("vehicle_id") is not None:
        return pl.DataFrame(), None
    columns = published.sql(f"from {leaf.source} limit 0").columns
    summed = [name for name in re.findall(r"\w+", leaf.value) if name in columns]
    names: list[str] = [name for name in ("vehicle_id", "route_id") if name in columns]
    order = ", ".join([f"{name} desc nulls last" for name in summed[:1]] + names)
    text, given = _bound(
        f"select {', '.join(dict.fromkeys(names + summed))} from {leaf.source} as source where {leaf.condition}"
        f" order by {order}",
        row,
    )
    return frame_of(published, text, **given), leaf.source.removeprefix("marts.")


def _bound(text: str, row: Row) -> tuple[str, dict[str, Any]]:
    """The text with a parameter for every column of the row that it names, and their values."""
    names = set(_OF_THIS.findall(text))
    given = {f"this_{name}": row[name] for name in names}
    if "$day" in text:
        given["day"] = row.get("service_date")
    return _OF_THIS.sub(r"$this_\1", text), given


def _meanings(published: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """What the dictionary says of the columns of a mart: the comments in the copy, else those of schema.sql."""
    commented = dict(
        published.execute(
            "select column_name, comment from duckdb_columns() where schema_name = 'marts' and table_name = $table"
            " and comment is not null",
            {"table": table},
        ).fetchall()
    )
    text = re.search(rf"create table if not exists marts\.{table} \((.*?)\n\);", sql("schema.sql"), re.DOTALL)
    written = re.findall(r"^    (\w+) [^\n]*?-- ([^\n]*)", text[1] if text else "", re.MULTILINE)
    return dict(written) | commented


def _first(published: duckdb.DuckDBPyConnection, query: str, **given: object) -> Any:
    rows = rows_of(published, query, **given)
    return rows[0] if rows else None
