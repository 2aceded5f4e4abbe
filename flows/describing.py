"""What does `odograph query --describe` say? What is in the published copy, in the words of its comments."""

from collections.abc import Iterable, Iterator, Sequence
from shutil import get_terminal_size

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.answers import PIPED_WIDTH
from flows.querying import QueryFailed, no_such_thing, open_locked
from flows.settings import Settings
from warehouse.dictionary import SCHEMAS, Entry, Named, dictionary, named

INNER = "staging"
CONTRACT = (
    "vehicle_days", "route_days", "idle_events", "stops", "idle_by_definition", "fuel_purchases", "fuel_exceptions",
    "fleet_days", "data_health", "definitions", "ledger", "positions", "rejects", "events", "purchases", "plans",
)  # fmt: skip
EXAMPLES = (
    ("odograph query us.vehicle_days", "a whole table; one below the other where it does not fit"),
    (
        'odograph query "select vehicle_id, idle_min, mpg from us.vehicle_days order by idle_min desc limit 5"',
        "any question in DuckDB's SQL",
    ),
    ("odograph query marts.route_days --out routes.xlsx", "to a file: .xlsx, .csv, .json or .parquet"),
)
PAGE_HEAD = """# Tables

Every table, view and macro of the published copy, written by `odograph query --describe --format markdown`.
The same words are comments in the file itself: `from marts.dictionary`, or `odograph query --describe marts.stops`.
Units are in names or comments; instants are UTC and end in `_utc`; shares are 0 to 1; money is beside a `currency`.
"""


def print_examples() -> None:
    """Say what can be asked, with three examples."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("Ask the published copy: marts are read by people, us and metric show them in display units.\n")
    for command, about in EXAMPLES:
        console.print(f"  {escape(command)}\n      [dim]{about}[/dim]")
    console.print("\nWhat there is: odograph query --describe, and of one table odograph query --describe marts.stops")


def describe(settings: Settings, name: str | None, output: str) -> None:
    """Print what is in the published copy, or what one schema, table, view or macro of it is."""
    with open_locked(settings.published_path, settings.lake_root) as published:
        everything = [one for one in named(published) if one.schema != INNER]
        if output == "markdown":
            print(markdown(published), end="")
            return
        console = Console(highlight=False, width=get_terminal_size((PIPED_WIDTH, 50)).columns)
        if name is None or name in SCHEMAS:
            _print_list(console, published, [one for one in everything if name in (None, one.schema)])
            return
        wanted = name.lower().removesuffix("()")
        found = [one for one in everything if wanted in (one.title.removesuffix("()").lower(), one.name.lower())]
        if found:
            _print_one(console, published, found[0])
            return
        with_column = [one.title for one in everything if any(column == wanted for column, _, _ in one.columns)]
        if not with_column:
            raise QueryFailed(no_such_thing(published, name))
        about = dictionary().common.get(wanted) or dictionary().column(with_column[0], wanted) or ""
        console.print(f"[bold]{escape(name)}[/bold] is a column of {', '.join(with_column)}: {escape(about)}")


def markdown(published: duckdb.DuckDBPyConnection) -> str:
    """The page docs/tables.md; it says nothing that depends on rows."""
    everything = [one for one in named(published) if one.schema != INNER]
    return "\n".join([PAGE_HEAD, *_contents(everything), *_sections(published, everything)]) + "\n"


def _contents(everything: Sequence[Named]) -> Iterator[str]:
    for schema in _schemas(everything):
        links = ", ".join(f"[{one.name}](#{_anchor(one)})" for one in _ordered(everything, schema))
        yield f"- **{schema}**: {links}"


def _sections(published: duckdb.DuckDBPyConnection, everything: Sequence[Named]) -> Iterator[str]:
    for schema in _schemas(everything):
        yield f"\n## {schema}\n\n{dictionary().comment(schema)}"
        for one in _ordered(everything, schema):
            yield f'\n<a id="{_anchor(one)}"></a>\n### {_signature(one)}\n\n{one.comment}'
            entry = _entry(one)
            if entry.parameters:
                yield "\n" + " ".join(f"`{name}`: {said}." for name, said in entry.parameters.items())
            if entry.example:
                yield f"\n```sql\n{entry.example}\n```"
            columns = _columns(published, one)
            if twin := next(
                (other for other in everything if (schema, other.title) == ("metric", f"us.{one.name}")), None
            ):
                known = {name for name, _, _ in twin.columns}
                columns = [column for column in columns if column[0] not in known]
                yield f"\nAs `{twin.title}`, but for:"
            if columns:
                yield "\n| column | type | meaning |\n| --- | --- | --- |"
                yield from (f"| `{name}` | {_cell(kind)} | {_cell(said)} |" for name, kind, said in columns)


def _schemas(everything: Sequence[Named]) -> list[str]:
    return [schema for schema in SCHEMAS if any(one.schema == schema for one in everything)]


def _ordered(everything: Sequence[Named], schema: str) -> list[Named]:
    """Those of a schema, what others rely on first; small look-ups of macros without columns last."""
    rank = {name: number for number, name in enumerate(CONTRACT)}
    ours = [one for one in everything if one.schema == schema]
    return sorted(ours, key=lambda one: ("macro" in one.kind, rank.get(one.name, len(rank))))


def _anchor(one: Named) -> str:
    return f"{one.schema}-{one.name}"


def _signature(one: Named) -> str:
    return f"{one.schema}.{one.name}({', '.join(one.parameters)})" if "macro" in one.kind else one.title


def _entry(one: Named) -> Entry:
    return dictionary().entries.get(one.title, Entry())


def _columns(published: duckdb.DuckDBPyConnection, one: Named) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each column; those of a table macro as its example has them."""
    if one.kind != "table macro":
        return [(name, kind, said or "") for name, kind, said in one.columns]
    if not (example := _entry(one).example):
        return []
    found = published.execute(f"describe {example}").fetchall()
    return [(row[0], row[1], dictionary().column(one.title, row[0]) or "") for row in found]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _print_list(console: Console, published: duckdb.DuckDBPyConnection, everything: Sequence[Named]) -> None:
    for schema in _schemas(everything):
        console.print(f"\n[bold]{schema}[/bold]  {escape(dictionary().comment(schema) or '')}")
        table = _table(("name", "left"), ("rows", "right"), ("what it is", "left"))
        for one in _ordered(everything, schema):
            table.add_row(_signature(one), _row_count(published, one), escape(one.comment or ""))
        console.print(table)


def _row_count(published: duckdb.DuckDBPyConnection, one: Named) -> str:
    """How many rows a table has; a view would have to be run for that."""
    if one.kind != "table":
        return one.kind.rpartition(" ")[2]
    return f"{published.execute(f'select count(*) from {one.schema}.{one.name}').fetchall()[0][0]:,}"


def _print_one(console: Console, published: duckdb.DuckDBPyConnection, one: Named) -> None:
    console.print(f"[bold]{escape(_signature(one))}[/bold], {one.kind}: {escape(one.comment or '')}")
    entry = _entry(one)
    for parameter, said in entry.parameters.items():
        console.print(f"  {parameter}: {escape(said)}")
    if entry.example:
        console.print(f"for example: {escape(entry.example)}")
    if columns := _columns(published, one):
        table = _table(("column", "left"), ("type", "left"), ("meaning", "left"))
        _add_rows(table, columns)
        console.print(table)


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in columns:
        right = justify == "right"
        is_long = name in ("what it is", "meaning")
        table.add_column(name, justify="right" if right else "left", overflow="fold", ratio=1 if is_long else None)
    return table


def _add_rows(table: Table, rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
