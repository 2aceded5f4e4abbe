"""The commands `odograph bench ingest`, `kernels` and `line`: how fast are we beside peers and the machine's limits?

Each prints tables of ratios measured in one run (`flows.bench.figures`). docs/performance.md discusses them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer


def line(
    points: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Positions of the day, in millions; several times for several sizes."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to work; unset: the folder for temporary files.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every figure to this file as well.")] = None,
) -> None:
    """Measure the whole path, from points in the lake to marts, with a made-up network day.

    20 million points unless --points says otherwise. A point takes 6 bytes of disk; 500 million are written in minutes.
    """
    from flows.bench.figures import lines, write_csv
    from flows.bench.line.campaign import MB, run_campaign
    from flows.progress import shown_progress

    with TemporaryDirectory(prefix="odograph-line-", dir=folder) as scratch, shown_progress() as tell:
        found = run_campaign(Path(scratch), [int(size * MB) for size in points or [20]], tell)
    for text in lines(found):
        typer.echo(text)
    if csv is not None:
        write_csv(found, csv)
