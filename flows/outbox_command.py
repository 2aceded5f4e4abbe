"""What can `odograph mail` be asked about mails on their way? What waits and why, and what a person decides."""

from datetime import UTC, datetime
from typing import Annotated

import typer

Key = Annotated[str, typer.Argument(help="Key of a mail, or its beginning, as `odograph mail outbox` lists it.")]


def post() -> None:
    """Send what is due now: by schedule, what was missed, what waited, and corrections. `odograph serve` does so too.

    Each mail leaves once, however often this runs; from cron every five minutes is enough.
    """
    from flows.cli import FAILED, settings_or_exit
    from flows.post.due import post_due

    with settings_or_exit() as settings:
        posted = post_due(settings, datetime.now(UTC))
        for line in posted.lines():
            typer.echo(line)
        if posted.problems:
            raise typer.Exit(FAILED)


def outbox(
    every: Annotated[bool, typer.Option("--all", help="Also those that have left, newest last.")] = False,
) -> None:
    """List the mails that have not left: in which state, since when, how often tried, when next, and why.

    rendered, waiting and unknown ones are tried by the next `odograph mail post`. unknown: the server may have it, the
    answer was lost; held: the same, and it waits for a person. Those and gave_up ones stay until `retry` or `settle`.
    """
    from flows.cli import settings_or_exit
    from flows.post.deciding import print_outbox

    with settings_or_exit() as settings:
        print_outbox(settings, every=every)


def retry(key: Key) -> None:
    """Try a mail again that was given up, refused or held; the bytes are those of then.

    Example: odograph mail retry daily.2026-02-26.4f1c
    """
    from flows.cli import settings_or_exit
    from flows.post.deciding import retry as run

    with settings_or_exit() as settings:
        typer.echo(run(settings, key))


def settle(key: Key) -> None:
    """Say that nothing more is to be done about a mail: it arrived after all, or nobody needs it any more.

    Example: odograph mail settle daily.2026-02-26.4f1c
    """
    from flows.cli import settings_or_exit
    from flows.post.deciding import settle as run

    with settings_or_exit() as settings:
        typer.echo(run(settings, key))
