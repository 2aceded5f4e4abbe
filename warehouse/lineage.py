"""Where does each number of the marts come from?

`lineage.toml` says it once, in SQL: a number is made of rows of another table, or of numbers beside it. What is written
there is evaluated, so it can be compared with what is stored, and shown with the value of every term.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb
import polars as pl

NUMERIC = "regexp_full_match(data_type, '(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*')"
_WORD = re.compile(r"'[^']*'|core\.\w+\(\)|(?<![\w.:])[a-z]\w*\b(?!\()")
_SCHEMA: dict[str, Any] = {
    "table_name": pl.String, "column_name": pl.String, "formula": pl.String, "terms": pl.List(pl.String()),
    "source": pl.String, "filter": pl.String, "kpi": pl.String, "definition_id": pl.String,
}  # fmt: skip
_THRESHOLD = re.compile(r"core\.\w+\(\)")


class Origin(NamedTuple):
    """How one number is made: `value` of rows of `source` that `where` picks, or a `formula` of its own row.

    by          columns by which the rows of `source` belong to the row of the number
    kpi         its number in docs/definitions.md, if any
    definition  the rule of idling it goes by, if any
    """

    name: str
    formula: str | None
    source: str | None
    value: str
    where: str | None
    by: Sequence[str]
    kpi: str | None
    definition: str | None

    @property
    def expression(self) -> str:
        """The SQL of the number, of columns of the row `this`."""
        if self.formula is not None:
            return self.formula
        return f"(select {self.value} from {self.source} as source where {self.condition})"

    @property
    def condition(self) -> str:
        """Which rows of the source are behind the number."""
        matches = [f"source.{name} = this.{name}" for name in self.by]
        return " and ".join([*matches, f"({self.where})"] if self.where else matches)

    @property
    def thresholds(self) -> list[str]:
        """The settings of SQL that it names."""
        return sorted(set(_THRESHOLD.findall(f"{self.formula or self.value} {self.where or ''}")))


class Lineage(NamedTuple):
    """The origins of all numbers of one mart; `built_by` names the one select that makes them all, if one does."""

    table: str
    key: Sequence[str]
    built_by: str | None
    columns: Mapping[str, Origin]
    terms: Mapping[str, Origin]

    def terms_of(self, origin: Origin, known: Sequence[str]) -> list[str]:
        """The names in a formula: terms, and the columns among `known`, in the order they stand there."""
        words = _WORD.findall(origin.formula or "")
        return list(dict.fromkeys(word for word in words if word in self.terms or word in known))

    def recomputed(self, names: Sequence[str], where: str) -> str:
        """The select that makes these columns or terms anew, behind the key, for each row that `where` picks."""
        origins = [self.columns.get(name) or self.terms[name] for name in names]
        needed = {term for origin in origins for term in self.terms_of(origin, ())}
        terms = "".join(f", {self.terms[name].expression} as {name}" for name in sorted(needed))
        made = ", ".join(f"{origin.expression} as {origin.name}" for origin in origins)
        key = ", ".join(f"this.{name}" for name in self.key)
        return f"select {key}, {made} from (select this.*{terms} from marts.{self.table} as this where {where}) as this"


@cache
def listed_lineage() -> Mapping[str, Lineage]:
    """The lineage of every mart, by its name."""
    text = (files("warehouse") / "lineage.toml").read_text(encoding="utf-8")
    return {table: _lineage(table, given) for table, given in tomllib.loads(text).items()}


def _lineage(table: str, given: Mapping[str, Any]) -> Lineage:
    key = given["key"]
    return Lineage(
        table,
        key,
        given.get("built_by"),
        {name: _origin(name, key, told) for name, told in given.get("columns", {}).items()},
        {name: _origin(name, key, told) for name, told in given.get("terms", {}).items()},
    )


def _origin(name: str, key: Sequence[str], told: Mapping[str, Any]) -> Origin:
    return Origin(
        name,
        told.get("formula"),
        told.get("from"),
        told.get("value", name),
        told.get("where"),
        told.get("by", key),
        told.get("kpi"),
        told.get("definition"),
    )


def replace_lineage(connection: duckdb.DuckDBPyConnection) -> None:
    """Put what is written down in the place of all that `marts.lineage` holds; numbers of one select share its name."""
    columns = connection.execute(
        f"select table_name, column_name, {NUMERIC} from duckdb_columns()"
        " where schema_name = 'marts' and database_name = current_database()"
    ).fetchall()
    rows = []
    for table, column, is_numeric in columns:
        found = listed_lineage().get(table)
        if found is None or not is_numeric:
            continue
        known = [name for of, name, _ in columns if of == table]
        origin = found.columns.get(column)
        rows.append(
            (table, column, *(_row(found, origin, known) if origin else (None, [], found.built_by, *[None] * 3)))
        )
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    assert frame.height
    connection.execute("delete from marts.lineage")
    connection.execute("insert into marts.lineage by name select * from frame order by table_name, column_name")


def _row(found: Lineage, origin: Origin, known: Sequence[str]) -> tuple[object, ...]:
    formula = origin.formula if origin.formula is not None else origin.value
    return formula, found.terms_of(origin, known), origin.source, origin.where, origin.kpi, origin.definition
