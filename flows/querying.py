"""What does `odograph query` do? It asks the published copy, read-only and locked in, and hands back rows.

A query sees the tables of the copy and, through views, the Parquet files of the lake. It reads and writes no other file
of the machine: DuckDB refuses every path outside the lake, settings are locked, and only statements that ask are run.
"""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from flows.copies_behind import tenant_path
from flows.privacy.access import QUERY, reads_places, record_access
from flows.settings import Settings
from warehouse.connection import open_database
from warehouse.dictionary import dictionary, named
from warehouse.lake import is_lake_at
from warehouse.stores import store_said

if TYPE_CHECKING:
    import polars as pl

ASKING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI)
CHANGING = ("insert", "update", "delete", "create", "drop", "alter", "truncate", "merge", "comment", "vacuum")
_NAME = re.compile(r"(\w+\.)?\w+")
_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+|\([^)]*\)\s*)?", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# Tables are asked, not files: what the views leave out of the lake stays out.
_FILE_FUNCTION = re.compile(r"read_\w+|parquet_\w+|glob|sniff_csv|query|query_table|\w+_scan(_\w+)?", re.IGNORECASE)
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_LAKE = re.compile(r"\blake\.", re.IGNORECASE)
_NO_LAKE = (
    "this copy has no lake: its files hold the rows of all tenants; ODOGRAPH_TENANT_LAKE=true puts views of it into"
    " tenants' copies"
)
MOVED = "the published copy was made for a lake elsewhere; run `odograph refresh`"
_CHANGE_HINT = "the published copy is read-only; change what it is made from and run `odograph refresh`"
_FILE_HINT = "a query reads and writes no files; use --out FILE for the answer"


class NothingPublished(Exception):
    """There is no published copy yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"nothing is published yet at {path}; run `odograph refresh` (or `odograph demo`) first")


class QueryFailed(Exception):
    """The query is not one that this copy can answer."""


class Answer(NamedTuple):
    """Rows, the tables they were read from (views as such, macros as what they read), and comments by column."""

    rows: "pl.DataFrame"
    tables: frozenset[str]
    comments: dict[str, str]


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the newest published copy for reading; raise NothingPublished where there is none."""
    if not path.exists():
        raise NothingPublished(path)
    return open_database(path.resolve(), read_only=True)


def open_locked(path: Path, lake_root: str) -> duckdb.DuckDBPyConnection:
    """Open the newest published copy for a query of somebody: beyond it only the files of the lake can be read."""
    connection = open_published(path)
    folder = lake_root.rstrip("/").replace("'", "''")
    connection.execute(
        "set python_enable_replacements = false; set autoload_known_extensions = false;"
        f" set allowed_directories = ['{folder}/']; set enable_external_access = false; set lock_configuration = true"
    )
    return connection


def ask(settings: Settings, text: str, tenant: str | None = None, purpose: str | None = None) -> Answer:
    """Run one query, or `from` what `text` names, on the copy for all or on a tenant's.

    One that reads where vans were is written down first (`flows.privacy.access`).

    Raises QueryFailed with one line that says why not.
    """
    from polars import DataFrame  # an answer is one; who only opens a copy need not wait for it

    path = settings.published_path if tenant is None else tenant_path(settings, tenant)
    with open_locked(path, settings.lake_root) as published:
        query = _whole_query(published, text)
        try:
            _refuse_all_but_questions(published, query)
            tables = _tables_of(published, query)
            if reads_places(published, query):
                record_access(settings, "query", QUERY, query, tenant=tenant, purpose=purpose)
            found = published.sql(query)
            rows = found.pl() if found is not None else DataFrame()
        except duckdb.Error as error:
            if isinstance(error, duckdb.PermissionException) and not is_lake_at(published, settings.lake_root):
                raise QueryFailed(MOVED) from error
            raise QueryFailed(_one_line(published, error, query)) from error
        words = dictionary()
        single = next(iter(tables)) if len(tables) == 1 else ""
        shown = {one.title: one for one in named(published)}.get(single) if single else None
        own = {name: said or "" for name, _, said in shown.columns} if shown else {}
        return Answer(rows, tables, {name: own.get(name) or words.common.get(name, "") for name in rows.columns})


def near(published: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Up to three tables, views and macros whose names are like this one, whatever the schema; best first."""
    titles = [one.title for one in named(published) if one.schema != "staging"]
    bare: dict[str, list[str]] = {}
    for title in titles:
        bare.setdefault(title.partition(".")[2].removesuffix("()"), []).append(title)
    wanted = name.removesuffix("()").lower().strip('"').rpartition(".")[2]
    found = [title for match in get_close_matches(wanted, bare, 3, 0.6) for title in bare[match]]
    return found[:3]


def no_such_thing(published: duckdb.DuckDBPyConnection, name: str) -> str:
    """The line for a name that nothing has."""
    like = near(published, name)
    meant = f"; did you mean {', '.join(like)}?" if like else ""
    return f"there is no {name}{meant} (`odograph query --describe` lists all)"


def _whole_query(published: duckdb.DuckDBPyConnection, text: str) -> str:
    """`marts.stops`, or `stops`, is short for `from marts.stops`."""
    name = text.strip().removesuffix(";").strip()
    if not _NAME.fullmatch(name):
        return text
    found = [one for one in named(published) if name.lower() in (one.title.lower(), one.name.lower())]
    if not found:
        raise QueryFailed(_missing(published, name, name))
    return f'from {found[0].schema}."{found[0].name}"'


def _refuse_all_but_questions(published: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise QueryFailed for what changes something or reaches for files, before any of it runs."""
    try:
        statements = published.extract_statements(query)
    except ValueError:  # a statement that the Python package has no name for yet
        raise QueryFailed(f"only queries can be run; {_CHANGE_HINT}") from None
    if len(statements) != 1:
        raise QueryFailed(
            f"one query at a time, please; these are {len(statements)}" if statements else "an empty query"
        )
    bare = _COMMENT.sub(" ", query).strip()
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN:
        return _refuse_all_but_questions(published, _EXPLAIN.sub("", bare, count=1))
    first = re.split(r"\W", bare, maxsplit=1)[0].lower()
    if kind not in ASKING or (kind == duckdb.StatementType.MULTI and first not in ("from", "pivot", "select", "with")):
        raise QueryFailed(f"{first}: {_CHANGE_HINT if first in CHANGING else _FILE_HINT}")
    for name in _functions_and_files(published, query, kind):
        raise QueryFailed(f"{name}: {_FILE_HINT}")
    return None


def _functions_and_files(published: duckdb.DuckDBPyConnection, query: str, kind: duckdb.StatementType) -> Iterator[str]:
    """Names in a query that stand for files, or for functions that read them."""
    if kind == duckdb.StatementType.MULTI:  # a pivot; it is no select that could be taken apart
        yield from (word for word in re.findall(r"\w+", query) if _FILE_FUNCTION.fullmatch(word))
        return
    tree = published.execute("select json_serialize_sql($query)", {"query": query}).fetchall()[0][0]
    for node in _nodes(json.loads(tree)):
        function, table = node.get("function_name"), node.get("table_name")
        if isinstance(function, str) and _FILE_FUNCTION.fullmatch(function):
            yield function
        if node.get("type") == "BASE_TABLE" and isinstance(table, str) and re.search(r"[/.*:\\]", table):
            yield table


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def _tables_of(published: duckdb.DuckDBPyConnection, query: str) -> frozenset[str]:
    """The tables and views that a query reads; empty where DuckDB cannot tell before it runs."""
    try:
        return frozenset(published.get_table_names(query, qualified=True))
    except duckdb.Error:
        return frozenset()


def _missing(published: duckdb.DuckDBPyConnection, name: str, query: str) -> str:
    """The line for a name that nothing has, or for all of the lake in a copy without one."""
    has_lake = published.execute("select count(*) from duckdb_views() where schema_name = 'lake'").fetchall() != [(0,)]
    return no_such_thing(published, name) if has_lake or not _LAKE.search(query) else _NO_LAKE


def _one_line(published: duckdb.DuckDBPyConnection, error: duckdb.Error, query: str) -> str:
    """What DuckDB says, without the picture of the query below it."""
    if failed := store_said(error):
        return failed
    said = str(error).partition("\n\nLINE ")[0]
    if missing := _NO_TABLE.search(said):
        return _missing(published, missing[1], query)
    if isinstance(error, duckdb.PermissionException):
        return f"{said.partition(': ')[2].partition(' - ')[0]}: {_FILE_HINT}"
    return " ".join(said.split()).partition("Error: ")[2] or " ".join(said.split())
