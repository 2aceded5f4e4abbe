"""What can `odograph mail` be asked? Who gets what, who has left, and what came back."""

from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from flows.outbox_command import outbox, post, retry, settle

app = typer.Typer(
    no_args_is_help=True,
    help="""Who gets which report when, who has left the list, and what came back.

[bold]recipients.toml[/bold] in the data directory says who is to get what; deploy/recipients.toml is an example with
every key, and docs/mail.md explains. Without that file everybody in ODOGRAPH_MAIL_TO gets the daily report.

Begin with [bold]odograph mail check[/bold], then look at [bold]odograph mail recipients[/bold].""",
)

Address = Annotated[str | None, typer.Option(help="E-mail address.", show_default=False)]
ReportName = Annotated[str | None, typer.Option(help="Only this report; unset: every one.", show_default=False)]
TenantName = Annotated[str | None, typer.Option(help="Only this tenant's; unset: every one's.", show_default=False)]
Why = Annotated[str, typer.Option(help="Why, for those who look later, such as a ticket.", show_default=False)]


@app.command()
def recipients(address: Address = None, report: ReportName = None, tenant: TenantName = None) -> None:
    """List who gets what, when next on their clock, and who is mailed no more since when and why.

    Example: odograph mail recipients --tenant northwind
    """
    from flows.cli import settings_or_exit
    from flows.post.listing import print_recipients

    with settings_or_exit() as settings:
        print_recipients(settings, address=address, report=report, tenant=tenant)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="File to check; unset: the one that is used.", show_default=False)
    ] = None,
) -> None:
    """Say what does not fit in the file of recipients, all at once, each with its line; the exit status is then 2.

    Example: odograph mail check recipients.new.toml
    """
    from flows.cli import settings_or_exit
    from flows.post.listing import checked

    with settings_or_exit() as settings:
        for line in checked(settings, file):
            typer.echo(line)


@app.command()
def unsubscribe(
    token: Annotated[
        str | None, typer.Argument(help="Token of an unsubscribe link or mail, as it stands.", show_default=False)
    ] = None,
    address: Address = None,
    report: ReportName = None,
    tenant: TenantName = None,
    why: Why = "",
) -> None:
    """Take somebody off the list, by address or by the token of a link. The file of recipients stays as it is.

    Example: odograph mail unsubscribe --address owner@northwind.example --report daily --why "ticket 88"
    """
    from flows.cli import settings_or_exit
    from flows.post.listing import unsubscribed

    if (token is None) == (address is None):
        raise typer.BadParameter("give a token or --address", param_hint="TOKEN")
    if token is not None and (report or tenant):
        raise typer.BadParameter("a token says which report of which tenant", param_hint="--report, --tenant")
    with settings_or_exit() as settings:
        for line in unsubscribed(settings, token, address, report, tenant, why=why or f"by {getuser()}"):
            typer.echo(line)


@app.command()
def subscribe(
    address: Annotated[str, typer.Option(help="E-mail address, as listed.")],
    report: ReportName = None,
    tenant: TenantName = None,
    why: Why = "",
) -> None:
    """Mail somebody again who has left or could not be reached. Only this command does; ask them first.

    Who is not in the file of recipients gets nothing by it.

    Example: odograph mail subscribe --address owner@northwind.example --why "mailbox is back, ticket 91"
    """
    from flows.cli import settings_or_exit
    from flows.post.listing import subscribed

    with settings_or_exit() as settings:
        for line in subscribed(settings, address, report, tenant, why=why or f"by {getuser()}"):
            typer.echo(line)


@app.command()
def read(
    files: Annotated[
        list[Path], typer.Argument(help="An mbox, a Maildir, a mail (.eml), or - for one mail on standard input.")
    ],
) -> None:
    """Take note of mails that came back: requests to stop, and notices that a mail was not delivered.

    Reads and leaves them where they are; reading a mail twice notes nothing twice, so it may run every few minutes
    on the mailbox of ODOGRAPH_MAIL_FROM.

    Example: odograph mail read /var/mail/odograph
    """
    from flows.cli import FAILED, settings_or_exit
    from flows.post.listing import read_files

    with settings_or_exit() as settings:
        done = read_files(settings, files)
        for line in done.lines:
            typer.echo(line)
        for failure in done.failures:
            typer.echo(failure, err=True)
        if done.failures:
            raise typer.Exit(FAILED)


@app.command()
def serve() -> None:
    """Answer at ODOGRAPH_BASE_URL, so that one click takes people off the list. `odograph serve` does so as well.

    Listens at ODOGRAPH_UNSUBSCRIBE_HOST and _PORT, for a proxy with TLS to pass on what is asked below
    ODOGRAPH_BASE_URL.
    """
    from flows.cli import MISUSED, settings_or_exit
    from flows.post.unsubscribe_server import UnsubscribeServer

    with settings_or_exit() as settings:
        if settings.base_url is None:
            typer.echo("ODOGRAPH_BASE_URL is not set, so no mail has a link to this page", err=True)
            raise typer.Exit(MISUSED)
        with UnsubscribeServer(settings) as server:
            host, port = server.server_address[:2]
            typer.echo(f"listening at http://{host!s}:{port} for {settings.base_url}", err=True)
            server.serve_forever()


for command in (post, outbox, retry, settle):
    app.command()(command)
