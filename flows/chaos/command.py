"""What can `odograph chaos` and `odograph bench faults` be asked? How long, how hard, and beside how many others."""

import logging
import shutil
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.chaos.plan import Plan

FAILED = 1
GROUP = "chaos"


class Sharing(StrEnum):
    """How several collectors share the work."""

    parts = "parts"
    group = "group"


Seed = Annotated[int, typer.Option(help="The same seed plans the same faults.")]
Kills = Annotated[int | None, typer.Option(min=1, help="End sooner, after so many kills.", show_default=False)]
Rate = Annotated[float, typer.Option(min=1, max=5000, help="Messages a second, three points each.")]
Keep = Annotated[
    Path | None,
    typer.Option(help="Folder for the state and logs of the run; unset: a temporary one, kept if a promise is broken."),
]


def chaos(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long faults happen.")] = 10,
    kills: Kills = None,
    rate: Rate = 60,
    collectors: Annotated[int, typer.Option(min=1, max=8, help="Collectors side by side.")] = 2,
    sharing: Annotated[
        Sharing, typer.Option(help="How several share: one shared subscription, or parts of the senders.")
    ] = Sharing.group,
    analysts: Annotated[int, typer.Option(min=0, max=20, help="Processes that ask the published copies.")] = 2,
    seed: Seed = 1,
    keep: Keep = None,
) -> None:
    """Run the whole line, break everything at random, and check promises P1 to P10 at the end.

    Publishers of two tenants, mosquitto, collectors, refreshes, analysts and mails to a faulty server are real
    processes in a folder of their own. Each kind is killed (-9) or frozen; disks fill up, clocks jump by up to 12
    hours, sessions are taken over, the broker restarts, and the mail server refuses, hangs up and takes mails without a
    word. At the end every promise is checked against what publishers wrote down and what arrived, and printed as a
    table; the exit status is 1 where one is broken. The data of the line lies in memory where we may mount (as root),
    so that its disk can really be full. docs/trust.md shows a run.

    Example: odograph chaos --minutes 30 --seed 7
    """
    from flows.chaos.plan import ALL_FAULTS, Plan

    has_mails = find_spec("aiosmtpd") is not None
    if not has_mails:
        typer.echo("no mails: their server is aiosmtpd, which is not installed (pip install aiosmtpd)", err=True)
    group = GROUP if collectors > 1 and sharing is Sharing.group else None
    faults = {
        name: pause
        for name, pause in ALL_FAULTS.items()
        if (analysts or not name.startswith("analyst")) and (has_mails or not name.startswith("poster"))
    }
    _run(Plan(minutes, seed, rate, kills, collectors, group, analysts, has_mails, faults), keep)


def faults(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long faults happen.")] = 2,
    kills: Kills = None,
    rate: Rate = 100,
    collectors: Annotated[int, typer.Option(min=1, max=8, help="Collectors side by side.")] = 1,
    sharing: Annotated[
        Sharing, typer.Option(help="How several share: parts of the senders, or one shared subscription.")
    ] = Sharing.parts,
    seed: Seed = 1,
    keep: Keep = None,
) -> None:
    """Kill collector, broker, publishers and refresh at random, and count what became of everything published.

    The short form of `odograph chaos`: without analysts and mails, and with the faults of processes only, which come
    thicker. `--minutes 30 --kills 1000` is the long form of it.
    """
    from flows.chaos.plan import Plan

    group = GROUP if collectors > 1 and sharing is Sharing.group else None
    _run(Plan(minutes, seed, rate, kills, collectors, group), keep)


def _run(plan: "Plan", keep: Path | None) -> None:
    from flows.chaos.campaign import TooLong, run_campaign
    from flows.chaos.printed import lines
    from ingest.broker import find_mosquitto

    if find_mosquitto() is None:
        typer.echo("mosquitto is not installed: apt-get install mosquitto", err=True)
        raise typer.Exit(FAILED)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        typer.echo(f"{keep} is not empty: what lies there would be counted as well", err=True)
        raise typer.Exit(FAILED)
    logging.getLogger("ingest").setLevel(logging.ERROR)  # that the broker is gone now and then is the point
    folder = keep or Path(mkdtemp(prefix="odograph-chaos-"))
    typer.echo(f"seed {plan.seed}, in {folder}", err=True)
    holds = False
    try:
        outcome = run_campaign(folder, plan, lambda said: typer.echo(said, err=True))
        for line in lines(outcome):
            typer.echo(line)
        holds = outcome.holds
    except TooLong as error:
        holds = True
        typer.echo(f"{error}", err=True)
        raise typer.Exit(FAILED) from error
    except TimeoutError as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(FAILED) from error
    finally:
        if keep is None and holds:
            shutil.rmtree(folder, ignore_errors=True)
        elif keep is None:
            typer.echo(f"everything is kept in {folder}", err=True)
    raise typer.Exit(0 if holds else FAILED)
