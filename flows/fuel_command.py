"""What can `odograph fuel` be asked? Which purchases have flags, what is behind one, and what people say of it."""

from datetime import datetime
from enum import StrEnum
from getpass import getuser
from typing import Annotated

import typer

from flows.retention_command import Purpose

app = typer.Typer(
    no_args_is_help=True, help="Fuel purchases that rules point at: list them, look behind one, review it."
)

Tenant = Annotated[str | None, typer.Option(help="Tenant, where several have that transaction.")]
Provider = Annotated[str | None, typer.Option(help="Card provider, where several have that transaction.")]
Item = Annotated[int | None, typer.Option(help="Line of the ticket, where several have such a flag.")]
Txn = Annotated[str, typer.Argument(help="Transaction id of the provider, as in marts.fuel_purchases.")]


class State(StrEnum):
    """What people can say of a flag."""

    open = "open"
    explained = "explained"
    confirmed = "confirmed"
    dismissed = "dismissed"


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Tenant; unset: all of them.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First date of purchase.", show_default=False),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date of purchase.", show_default=False)
    ] = None,
    rule: Annotated[str | None, typer.Option(help="One rule only, F1 to F21.")] = None,
    state: Annotated[State | None, typer.Option(help="Only flags in this state.", show_default=False)] = None,
) -> None:
    """List the flags of the published copy. They are leads, not proof.

    Example: odograph fuel list --from 2026-02-01 --state open
    """
    from flows.cli import settings_or_exit
    from flows.fuel.flags import print_flags

    with settings_or_exit() as settings:
        print_flags(
            settings,
            tenant=tenant,
            since=None if since is None else since.date(),
            until=None if until is None else until.date(),
            rule_id=None if rule is None else known_rule(rule),
            state=None if state is None else state.value,
        )


@app.command()
def show(
    txn: Txn, tenant: Tenant = None, provider: Provider = None, item: Item = None, purpose: Purpose = None
) -> None:
    """Show the evidence: the purchase and its versions, the vans near it, levels, flags and what became of them."""
    from flows.cli import settings_or_exit
    from flows.fuel.flags import print_purchase

    with settings_or_exit() as settings:
        print_purchase(settings, txn, tenant=tenant, provider=provider, item=item, purpose=purpose)


@app.command()
def review(
    txn: Txn,
    rule: Annotated[str, typer.Option(help="The rule whose flag it is, F1 to F21.")],
    state: Annotated[State, typer.Option(help="What became of it.")],
    note: Annotated[str | None, typer.Option(help="Why; needed unless it is open again.", show_default=False)] = None,
    by: Annotated[
        str | None, typer.Option(help="Who says so; unset: the user of this machine.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    provider: Provider = None,
    item: Item = None,
) -> None:
    """Say what became of a flag: explained, confirmed or dismissed, or open again. Kept across imports and rebuilds.

    Example: odograph fuel review WX-4711 --rule F4 --state explained --note "van lent to V12, see ticket 88"
    """
    from flows.cli import settings_or_exit
    from flows.fuel.rules import run_review

    if state is not State.open and not (note or "").strip():
        raise typer.BadParameter("say why, by --note", param_hint="--note")
    with settings_or_exit() as settings:
        rule_id = known_rule(rule)
        line = run_review(
            settings, txn, rule_id, state.value, reviewer=by or getuser(), note=note,
            tenant=tenant, provider=provider, item=item,
        )  # fmt: skip
        typer.echo(f"{rule_id} of {line}: {state.value}; readers see it after the next refresh (odograph refresh)")


def known_rule(rule: str) -> str:
    """The id of a rule however it is typed: f4, F04."""
    from warehouse.fuel_rules import listed_rules

    rule_id = f"F{rule.strip().lstrip('Ff').lstrip('0')}"
    if rule_id not in {listed.rule_id for listed in listed_rules()}:
        raise typer.BadParameter(f"there is no rule {rule}; there are F1 to F21", param_hint="--rule")
    return rule_id
