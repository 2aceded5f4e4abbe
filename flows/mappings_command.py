"""What can `odograph mappings` be asked? Which formats there are, and whether a mapping reads messages as meant."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Sources of JSON, and files of fuel-card providers, that are described by a small TOML file.",
)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The mapping, a TOML file.")],
    messages: Annotated[
        list[Path] | None, typer.Argument(exists=True, dir_okay=False, help="Files with one payload each.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="Topic of the messages; unset: the first pattern of the file.")
    ] = None,
) -> None:
    """Say what is wrong with a mapping file, and show how messages would be read; nothing is kept.

    docs/mappings.md explains the keys. Fixes of any age are shown.
    """
    from flows.cli import settings_or_exit
    from flows.mappings import lines

    with settings_or_exit():
        for line in lines(file, messages or [], topic):
            typer.echo(line)


@app.command("list")
def list_() -> None:
    """Name the formats that are understood: messages by their topics, and files of fuel-card providers."""
    from flows.cli import settings_or_exit
    from flows.mappings import listed

    with settings_or_exit() as settings:
        for line in listed(settings):
            typer.echo(line)
