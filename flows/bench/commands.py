"""The commands `odograph bench …`: one for each subject."""

import logging
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from flows.bench import speed_commands
from flows.chaos.command import faults

app = typer.Typer(
    no_args_is_help=True,
    help="Measure the line beside its peers and limits; needs no data directory and changes none.",
)


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


@app.command()
def fuel(
    vans: Annotated[int, typer.Option(min=1, max=200, help="Vans in the fleet; every rule needs 18 or more.")] = 24,
    days: Annotated[int, typer.Option(min=2, max=60, help="Days; F20 needs 14, F13 about 18.")] = 21,
    seed: Annotated[int, typer.Option(help="The same seed gives the same fleet and faults.")] = 7,
) -> None:
    """Inject faults of every fuel rule into a simulated fleet, and count what the rules find and whom they accuse.

    Beside the faults there are records that only look guilty: voided tickets, corrections, wrong time zones, vans
    without GPS, second tanks, dear states. Recall is of faults, precision of flags; a flag that follows from another
    fault is right as well. The exit status is 1 where one of both is below 0.95, or where anybody is accused of being
    elsewhere without GPS.
    """
    from flows.bench.fuel.campaign import run_campaign
    from flows.bench.fuel.printed import lines
    from flows.fuel.speed import kernel_speed
    from flows.progress import shown_progress

    with TemporaryDirectory(prefix="odograph-fuel-") as scratch, shown_progress() as tell:
        outcome = run_campaign(Path(scratch), vans, days, seed, tell)
    for line in lines(outcome, kernel_speed()):
        typer.echo(line)
    raise typer.Exit(0 if outcome.holds else 1)


@app.command()
def queries(
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", help="Vans x days, such as 40x9; again for another size.", show_default="40x9, 400x9"),
    ] = None,
    big: Annotated[bool, typer.Option("--big", help="4,000 vans as well: some 58 million points, minutes.")] = False,
    runs: Annotated[int, typer.Option(min=1, max=1000, help="How often each question is asked, at most.")] = 20,
) -> None:
    """Ask the thirteen questions of the TSBS truck benchmark of the published copy and of the points behind it.

    The fleet is made up at the speed of arrays, points and ledger alike: no broker, no decoding, no kernels. What is
    timed is asking, in DuckDB on both sides, by ten-minute buckets of the points as the benchmark asks. Where both
    sides mean the same, answers must be equal, else the exit status is 1; where the benchmark's answer is another one,
    both are shown. docs/queries.md discusses the result.

    Example: odograph bench queries --size 40x9 --runs 5
    """
    from flows.bench.queries.campaign import BIG_SIZES, SIZES, Size, run_campaign
    from flows.bench.queries.printed import lines
    from flows.progress import shown_progress

    chosen = BIG_SIZES if big else SIZES
    if sizes is not None:
        found = [re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,2})", size) for size in sizes]
        if None in found:
            raise typer.BadParameter("expected vans x days, such as 40x9", param_hint="--size")
        chosen = tuple(Size(*map(int, match.groups())) for match in found if match is not None)
    with TemporaryDirectory(prefix="odograph-queries-") as scratch, shown_progress() as tell:
        outcomes = run_campaign(Path(scratch), chosen, runs, tell)
    for line in lines(outcomes):
        typer.echo(line)
    raise typer.Exit(0 if all(outcome.holds for outcome in outcomes) else 1)


@app.command()
def readers(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long analysts read.")] = 10,
    analysts: Annotated[int, typer.Option(min=1, max=50, help="Processes that open, ask and compare.")] = 3,
    seed: Annotated[int, typer.Option(help="When makers are killed, and who stays how long.")] = 7,
) -> None:
    """Let analysts ask the published copies while refreshes run without a pause and are killed (-9) at random.

    Analysts open the links with plain DuckDB: the copy for all, tenants' copies, the network's. Each open has to work,
    each sum has to be that of the ledger of the same generation, the generation stays the same within a connection and
    never goes back. The exit status is 1 where anything else was seen.
    """
    from flows.bench.readers.campaign import run_campaign
    from flows.bench.readers.printed import lines
    from flows.progress import shown_progress

    with TemporaryDirectory(prefix="odograph-readers-") as scratch, shown_progress() as tell:
        outcome = run_campaign(
            Path(scratch), minutes, analysts, seed, lambda share: tell("readers", min(round(100 * share), 100), 100)
        )
    for line in lines(outcome):
        typer.echo(line)
    raise typer.Exit(1 if outcome.errors else 0)


@app.command()
def publish(
    vans: Annotated[int, typer.Option(min=1, help="Vans of all tenants.")] = 200,
    days: Annotated[int, typer.Option(min=1, help="Days of each.")] = 10,
    tenants: Annotated[int, typer.Option(min=1, help="Tenants that share the vans.")] = 10,
) -> None:
    """Publish a warehouse of invented rows in every way there is, and show what each costs.

    A month of 1,000 vans (--vans 1000 --days 30) takes some minutes and 10 GB of the folder for temporary files.
    """
    from flows.bench.publishing import measure_publish
    from flows.progress import shown_progress

    with TemporaryDirectory(prefix="odograph-publish-") as scratch, shown_progress() as tell:
        costs = measure_publish(Path(scratch), vans, days, tenants, lambda done: tell("publish", done, 9))
    typer.echo(f"{vans} vans, {days} days, {tenants} tenants")
    for cost in costs:
        typer.echo(f"{cost.way:<48}{cost.seconds:>8.2f} s{cost.megabytes:>10.1f} MB")


@app.command()
def mail(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long mails are sent.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed plans the same faults.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for the ledger and what is left; unset: a temporary one.")
    ] = None,
) -> None:
    """Send mails through a server with faults, kill the sender at random, and count what arrived.

    The server is a real one on loopback. It refuses an address, puts off, hangs up, is slow, drops the connection
    before or after it has taken a mail, and kills the sender (-9) in the middle of one; we kill it at any time. Every
    mail must arrive, and none twice but where only the server could know that it had; else the exit status is 1.
    docs/mail.md discusses the result.
    """
    from importlib.util import find_spec

    from flows.progress import shown_progress

    if find_spec("aiosmtpd") is None:
        typer.echo(
            "the mail server of this drill is aiosmtpd, which is not installed: `pip install aiosmtpd`", err=True
        )
        raise typer.Exit(1)
    from flows.bench.mail.campaign import lines, run_campaign

    if keep is not None and keep.exists() and any(keep.iterdir()):
        typer.echo(f"{keep} is not empty: what lies there would be counted as well", err=True)
        raise typer.Exit(1)
    with TemporaryDirectory(prefix="odograph-mail-") as scratch, shown_progress() as tell:
        outcome = run_campaign(
            keep or Path(scratch), minutes, seed, lambda share: tell("mail", min(round(100 * share), 100), 100)
        )
    for line in lines(outcome):
        typer.echo(line)
    raise typer.Exit(0 if outcome.holds else 1)


@app.command()
def collectors(
    messages: Annotated[int, typer.Option(min=30, help="Messages of each case.")] = 3000,
    rate: Annotated[float, typer.Option(min=1, max=20_000, help="Messages a second.")] = 1000,
) -> None:
    """Count what is lost or kept twice while collectors of a shared subscription leave and come back.

    Three collectors share a subscription on a real mosquitto; one stops, is killed (-9), loses its network, or never
    comes back, with a session that the broker keeps and with one it forgets, and with publishers that wait for receipts
    and such as do not. The exit status is 1 where something was lost that was promised. docs/scale.md discusses it.
    """
    from flows.bench.collectors.campaign import cases, run_case
    from flows.bench.collectors.printed import is_promised, lines
    from flows.progress import shown_progress
    from ingest.broker import find_mosquitto

    if find_mosquitto() is None:
        typer.echo("mosquitto is not installed: apt-get install mosquitto", err=True)
        raise typer.Exit(1)
    logging.getLogger("ingest").setLevel(logging.ERROR)
    found = []
    with TemporaryDirectory(prefix="odograph-collectors-") as scratch, shown_progress() as tell:
        for number, case in enumerate(listed := cases()):
            tell("collectors", number, len(listed))
            found.append(run_case(Path(scratch) / str(number), case, messages, rate))
        tell("collectors", len(listed), len(listed))
    for line in lines(found):
        typer.echo(line)
    raise typer.Exit(1 if any(counts.lost and is_promised(counts.case) for counts in found) else 0)


app.command()(faults)
app.command()(speed_commands.line)
app.command()(speed_commands.kernels)
app.command()(speed_commands.ingest)
app.command()(speed_commands.network)
