"""What can `odograph query` be asked? Anything in SQL, a table by its name, and what there is."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.retention_command import Purpose


class Output(StrEnum):
    """How answers are printed or written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"
    xlsx = "xlsx"
    markdown = "markdown"


def query(
    sql: Annotated[
        str | None, typer.Argument(help="A query in DuckDB's SQL, or the name of a table.", show_default=False)
    ] = None,
    output: Annotated[
        Output | None,
        typer.Option("--format", "-f", help="Unset: a table, or as the file's suffix says.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write instead of standard output.", show_default=False)
    ] = None,
    vertical: Annotated[
        bool | None,
        typer.Option(
            "--vertical/--table", help="Each row below the last, or a table; unset: as it fits.", show_default=False
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="Ask the copy of this tenant, which holds their rows only.", show_default=False),
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", "-d", help="Say what there is, or what the named table or macro is.")
    ] = False,
    purpose: Purpose = None,
) -> None:
    """Ask the published copy. It can be asked while loads run, cannot be changed, and a query reads no other files.

    Examples: odograph query us.vehicle_days · odograph query "select count(*) from lake.positions" · odograph query
    marts.route_days --out routes.xlsx · odograph query --describe marts.stops
    """
    from flows.cli import MISUSED, settings_or_exit

    with settings_or_exit() as settings:
        if describe or sql is None:
            from flows import describing

            if describe:
                describing.describe(settings, sql, output or "")
            else:
                describing.print_examples()
            return
        from flows import answers
        from flows.querying import ask

        chosen = answers.format_of(out, output)
        if chosen == "markdown" or (chosen == "xlsx" and out is None):
            needed = "--out FILE" if chosen == "xlsx" else "--describe"
            typer.echo(f"--format {chosen} needs {needed}", err=True)
            raise typer.Exit(MISUSED)
        answer = ask(settings, sql, tenant, purpose)
        if out is None and chosen == "table":
            answers.show(answer.rows, vertical=vertical)
        else:
            answers.write(answer.rows, chosen, out, title=sql, comments=answer.comments)
