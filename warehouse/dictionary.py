"""What does every schema, table, view, column and macro of a published copy mean?

The words stand beside what they describe: of tables in `sql/schema.sql` (the lines above a table, the comment behind a
column), of views and macros in the TOML files of `comments/`, one per part of the project. A column that means the same
in many tables is worded once, in a section `[common]`. Here they are read, and put into a DuckDB file as its comments.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb

from warehouse.connection import sql

SCHEMAS = ("marts", "us", "metric", "core", "lake", "staging")  # in the order of interest
COMMON = "common"

_TABLE = re.compile(r"create table if not exists (\w+\.\w+) \($")
_COLUMN = re.compile(r"    (\w+) ")
_NO_COLUMN = ("primary", "unique", "check", "foreign")
_HEADING = re.compile(r"-- -{3,}")


class BadComment(Exception):
    """A file of comments says something that cannot be read."""


class Entry(NamedTuple):
    """What is said of one table, view or macro; `like` names others whose columns of the same name mean the same."""

    comment: str = ""
    columns: Mapping[str, str] = {}
    like: Sequence[str] = ()
    parameters: Mapping[str, str] = {}
    example: str = ""


class Named(NamedTuple):
    """A table, view or macro as a file has it; the columns of a macro are not known to the file."""

    schema: str
    name: str
    kind: str  # table, view, macro or table macro
    comment: str | None
    columns: Sequence[tuple[str, str, str | None]]  # name, type, comment
    parameters: Sequence[str]

    @property
    def title(self) -> str:
        """As a person would write it: macros have parentheses."""
        return f"{self.schema}.{self.name}" + "()" * bool("macro" in self.kind)


class Dictionary:
    """All that is said, by name of what it is said of."""

    def __init__(self, entries: Mapping[str, Entry], common: Mapping[str, str]) -> None:
        self.entries, self.common = entries, common

    def comment(self, title: str) -> str | None:
        """What a schema, table, view or macro (with parentheses) is."""
        return self.entries.get(title, Entry()).comment or None

    def column(self, title: str, column: str) -> str | None:
        """What a column means: as said of this one, else of its namesake in tables like it, else in common."""
        return self._own(title, column, frozenset()) or self.common.get(column)

    def _own(self, title: str, column: str, seen: frozenset[str]) -> str | None:
        entry = self.entries.get(title, Entry())
        if column in entry.columns:
            return entry.columns[column]
        for other in entry.like:
            if other not in seen and (found := self._own(other, column, seen | {title})):
                return found
        return None


@cache
def dictionary() -> Dictionary:
    """All that `schema.sql` and the files of `comments/` say."""
    folder = files("warehouse") / "comments"
    found = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    texts = {file.name: file.read_text(encoding="utf-8") for file in found}
    return combined(sql("schema.sql"), texts)


def combined(schema: str, texts: Mapping[str, str]) -> Dictionary:
    """What a text like `schema.sql` and files of comments by name say together; the files have the last word."""
    entries = tables_of(schema)
    common: dict[str, str] = {}
    for name, text in sorted(texts.items()):
        for title, values in tomllib.loads(text).items():
            if title == COMMON:
                common |= values
            else:
                entries[title] = _merged(entries.get(title, Entry()), _entry(name, title, values))
    return Dictionary(entries, common)


def _entry(name: str, title: str, values: Mapping[str, Any]) -> Entry:
    if unknown := sorted(values.keys() - set(Entry._fields)):
        raise BadComment(f"{name}: {title} has {', '.join(unknown)}; there are {', '.join(Entry._fields)}")
    return Entry(**values)


def _merged(earlier: Entry, said: Entry) -> Entry:
    return Entry(
        said.comment or earlier.comment,
        {**earlier.columns, **said.columns},
        said.like or earlier.like,
        said.parameters or earlier.parameters,
        said.example or earlier.example,
    )


def tables_of(schema: str) -> dict[str, Entry]:
    """What the comments of a text like `schema.sql` say of its tables and their columns."""
    found: dict[str, Entry] = {}
    above: list[str] = []
    table, columns = "", dict[str, str]()
    last, margin = "", -1  # the column whose comment may go on, and where its comment stands
    for line in schema.splitlines():
        bare = line.strip()
        if not table:
            if opened := _TABLE.match(line):
                table, columns = opened[1], {}
                last, margin = "", -1
                found[table] = Entry(" ".join(above), columns)
            is_comment = line.startswith("--") and not _HEADING.match(line)
            above = [*above, bare.removeprefix("--").strip()] if is_comment else []
            continue
        if line.startswith(")"):
            table = ""
            continue
        code, mark, said = line.partition("--")
        if not code.strip():
            if mark and last and len(code) == margin:
                columns[last] += " " + said.strip()
            continue
        last, margin = "", -1
        if (column := _COLUMN.match(code)) and column[1] not in _NO_COLUMN and mark:
            last, margin = column[1], len(code)
            columns[last] = said.strip()
    return found


def named(connection: duckdb.DuckDBPyConnection) -> list[Named]:
    """Tables, views and macros of the file behind the connection, in the order of SCHEMAS and of names."""
    columns: dict[tuple[str, str], list[tuple[str, str, str | None]]] = {}
    for schema, table, *column in connection.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns()"
        " where database_name = current_database() and not internal order by schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault((schema, table), []).append((column[0], column[1], column[2]))
    found = [
        Named(schema, name, kind, comment, columns.get((schema, name), ()), parameters)
        for schema, name, kind, comment, parameters in connection.execute(
            "select schema_name, table_name, 'table', comment, [] from duckdb_tables()"
            " where database_name = current_database() and not internal and not temporary"
            " union all select schema_name, view_name, 'view', comment, [] from duckdb_views()"
            " where database_name = current_database() and not internal and not temporary"
            " union all select schema_name, function_name, replace(function_type, '_', ' '), comment, parameters"
            " from duckdb_functions() where database_name = current_database() and not internal"
            " and function_type in ('macro', 'table_macro')"
        ).fetchall()
        if schema in SCHEMAS
    ]
    return sorted(found, key=lambda one: (SCHEMAS.index(one.schema), "macro" in one.kind, one.name))


def add_comments(connection: duckdb.DuckDBPyConnection) -> int:
    """Put every comment that is missing or says something else into the file; return how many those were.

    DuckDB has no comments on schemas: those, and all others in one place, are in `marts.dictionary`. Display views
    bring their own. Callers have a transaction open: one for each comment took three times as long (2026-11).
    """
    words = dictionary()
    statements: list[str] = []
    for one in named(connection):
        if one.schema in ("staging", "us", "metric"):
            continue
        place = f'{one.schema}."{one.name}"'
        kind = {"table macro": "macro table"}.get(one.kind, one.kind)
        statements += _comment(f"{kind} {place}", one.comment, words.comment(one.title))
        for column, _, said in one.columns:
            statements += _comment(f'column {place}."{column}"', said, words.column(one.title, column))
    if statements:
        connection.execute(";\n".join(statements))
    return len(statements)


def add_dictionary(connection: duckdb.DuckDBPyConnection, schema_names: Sequence[str] = SCHEMAS) -> None:
    """Define `marts.dictionary`, the view that shows all comments of its file, which has these schemas."""
    words = dictionary()
    schemas = ", ".join(f"({quoted(name)}, {quoted(words.comment(name) or '')})" for name in schema_names)
    connection.execute(
        "create or replace view marts.dictionary as\n" + sql("dictionary.sql").replace("{schemas}", schemas)
    )


def _comment(what: str, said: str | None, meant: str | None) -> list[str]:
    return [] if said == meant or meant is None else [f"comment on {what} is {quoted(meant)}"]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
