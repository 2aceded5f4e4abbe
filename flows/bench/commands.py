"""The commands `odograph bench …`: one for each subject."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Measure the line beside its peers and limits; needs no data directory and changes none.",
)


@app.callback()
def _subjects() -> None:
    """Keep subjects as sub-commands, also while there is only one."""


@app.command()
def stops(
    peers: Annotated[
        bool,
        typer.Option(
            "--peers/--no-peers",
            help="Measure MovingPandas and trackintel where they are installed (minutes); else show what we recorded.",
        ),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="CSV file for all rows: settings, counts, seconds.", show_default=False),
    ] = None,
) -> None:
    """Tell standing from driving on labelled traces: F1 of every point, ours beside MovingPandas and trackintel.

    400 traces of Amazon delivery people, each point labelled Driving or OnFoot.
    OnFoot includes sitting in the van, so it means: the van is parked.

    Every method is tuned on the even traces by the mean of the F1 of both labels,
    and reported on the odd ones, which nobody was tuned on, and on all.

    docs/stops.md discusses the result.
    """
    from flows.bench.stops.comparison import compare
    from flows.bench.stops.printed import table
    from flows.progress import shown_progress

    with shown_progress() as tell:
        comparison = compare(measure_peers=peers, tell=tell)
    if out is not None:
        comparison.write_csv(out)
    for line in table(comparison):
        typer.echo(line)
