"""The commands `odograph bench ingest`, `kernels`, `line` and `network`: how fast are we, and how much is carried?

Each prints tables of ratios measured in one run (`flows.bench.figures`). docs/performance.md discusses them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Annotated

import typer

from flows.bench.network.places import Into


def line(
    points: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Positions of the day, in millions; several times for several sizes."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to work; unset: the folder for temporary files.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for all figures.", show_default=False)] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Time commands on a year of vans as well; it takes minutes to make.")
    ] = False,
    vans: Annotated[int, typer.Option(min=1, help="Vans of that year.")] = 40,
    days: Annotated[int, typer.Option(min=1, max=365, help="Service dates of that year.")] = 310,
) -> None:
    """Measure the whole path, from points in the lake to marts, with a made-up network day.

    20 million points unless --points says otherwise. A point takes 6.5 bytes of disk; 500 million are written in
    minutes.

    Example: odograph bench line --points 20 --points 100 --interactive
    """
    from flows.bench.figures import lines, write_csv
    from flows.bench.line.campaign import MB, run_campaign
    from flows.progress import shown_progress

    with TemporaryDirectory(prefix="odograph-line-", dir=folder) as scratch, shown_progress() as tell:
        found = run_campaign(Path(scratch), [int(size * MB) for size in points or [20]], tell)
        if interactive:
            from flows.bench.line.interactive import interactive_section

            found.append(
                interactive_section(Path(scratch) / "year", vans, days, lambda done, of: tell("year", done, of))
            )
    for text in lines(found):
        typer.echo(text)
    if out is not None:
        write_csv(found, out)


def kernels(
    points: Annotated[
        int,
        typer.Option(min=1, max=100, help="Points of the largest size, in millions; also 1, 5 and 20 below it."),
    ] = 20,
    csv: Annotated[Path | None, typer.Option(help="Write every figure to this file as well.")] = None,
) -> None:
    """Add up states, and order rows as they arrived, beside the machine's read rate, polars, DuckDB, pandas and others.

    All ways look at the same arrays, in one process for each number of threads; answers are compared, and the exit
    status is 1 where they differ. pandas, MovingPandas and trackintel are measured where they are installed
    (`pip install -e '.[peers]'`, best in an environment of their own). docs/performance.md discusses the result.
    """
    from flows.bench.figures import lines, write_csv
    from flows.bench.kernels.campaign import run_campaign
    from flows.progress import shown_progress

    sizes = [1_000_000 * size for size in (1, 5, 20) if size < points] + [1_000_000 * points]
    with shown_progress() as tell:
        outcome = run_campaign(sizes, tell)
    for line in lines(outcome.sections):
        typer.echo(line)
    if csv is not None:
        write_csv(outcome.sections, csv)
    raise typer.Exit(0 if outcome.holds else 1)


def ingest(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Section to run; again for another one.", show_default="all"),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long the live part publishes.")] = 0.5,
    rate: Annotated[int, typer.Option(min=1, help="Points a second of the live part.")] = 100_000,
    points_a_message: Annotated[int, typer.Option(min=1, max=200, help="Points in its messages.")] = 10,
    packed: Annotated[bool, typer.Option("--packed", help="The live part sends packed messages, not JSON.")] = False,
    share: Annotated[float, typer.Option(min=0.001, max=10, help="Of the usual number of messages.")] = 1,
    out: Annotated[Path | None, typer.Option(help="CSV file for all figures.", show_default=False)] = None,
) -> None:
    """Take messages out of a broker in every way there is, and turn them into columns: rates, costs and delays.

    Our collector beside stock paho, mosquitto_sub and a bare socket scanner; everything is made before it is timed.
    docs/performance.md discusses the result. The live part alone, for ten minutes:
    odograph bench ingest --only live --minutes 10

    A million points a second, packed by gateways:
    odograph bench ingest --only live --packed --rate 1000000 --points-a-message 60
    """
    from flows.bench.figures import lines, write_csv
    from flows.bench.ingest.runs import Plan
    from flows.bench.ingest.sections import SECTIONS

    unknown = [name for name in only or () if name not in SECTIONS]
    if unknown:
        raise typer.BadParameter(f"expected {', '.join(SECTIONS)}", param_hint="--only")
    plan = Plan(minutes, rate, points_a_message, share, packed)
    found = []
    for name in only or SECTIONS:
        found.append(SECTIONS[name](plan))
        for text in lines(found[-1:]):
            typer.echo(text)
    if out is not None:
        write_csv(found, out)


def network(
    points: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Positions of the network's day, in millions; several times for several sizes."),
    ] = None,
    into: Annotated[Into, typer.Option(help="Where they are put: before decoding and loading, or behind it.")] = (
        Into.spool
    ),
    folder: Annotated[Path | None, typer.Option(help="Where to work; unset: the folder for temporary files.")] = None,
    prices: Annotated[
        Path | None, typer.Option(help="CSV file of machines and prices.", show_default="assumptions")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for all figures.", show_default=False)] = None,
) -> None:
    """Take a made-up network through the line at growing sizes: rates, memory, bytes, files, late days, capacity.

    1 and 10 million points unless --points says otherwise; up to 100 million go into the spool, more into the lake.
    The last table says how many vans a core carries and what machines would cost. docs/scale.md discusses the result.

    Example: odograph bench network --points 1 --points 10 --points 100
    """
    from flows.bench.figures import lines, write_csv
    from flows.bench.network.campaign import NetworkTooLarge, check_room, run_campaign
    from flows.bench.network.capacity import BadPrices, capacity, read_prices
    from flows.bench.network.sections import sections
    from flows.progress import shown_progress

    sizes = [size * 1_000_000 for size in sorted(points or [1, 10])]
    try:
        machines = read_prices(prices)
        seconds = check_room(folder or Path(gettempdir()), into, sizes)
    except (BadPrices, NetworkTooLarge) as problem:
        typer.echo(problem, err=True)
        raise typer.Exit(1) from problem
    typer.echo(f"some {1 + seconds / 60:.0f} minutes on two cores", err=True)
    with TemporaryDirectory(prefix="odograph-network-", dir=folder) as scratch, shown_progress() as tell:
        outcomes = run_campaign(Path(scratch), sizes, into, tell)
    found = [*sections(outcomes), capacity(outcomes[-1], machines)]
    for text in lines(found):
        typer.echo(text)
    if out is not None:
        write_csv(found, out)
