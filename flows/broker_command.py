"""What can `odograph broker-config` be asked for? Its options; the work is done by flows/broker_config.py."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Identity(StrEnum):
    """How users of the broker prove who they are."""

    certificate = "certificate"
    password = "password"


def broker_config(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("broker"),
    identity: Annotated[Identity, typer.Option(help="How users prove who they are.")] = Identity.certificate,
    users: Annotated[
        Path | None,
        typer.Option(help="TOML file of further users: providers, readers, forwarders.", show_default=False),
    ] = None,
    collector: Annotated[list[str] | None, typer.Option(help="Collectors by name; unset: ours.")] = None,
    with_tenant: Annotated[
        bool, typer.Option("--with-tenant", help="Names are device@tenant: tenants may share device ids.")
    ] = False,
    rotate: Annotated[list[str] | None, typer.Option(help="Users who get a new password.")] = None,
    group: Annotated[str | None, typer.Option(help="Group that may read the files, by name or number.")] = None,
    installed_at: Annotated[
        Path | None, typer.Option(help="Where the broker finds the files; unset: OUT.", show_default=False)
    ] = None,
    allow_no_registry: Annotated[
        bool, typer.Option("--allow-no-registry", help="Before anything is registered: collectors and --users only.")
    ] = False,
    state: Annotated[Path, typer.Option(help="Where the broker keeps its queues.")] = Path("/var/lib/mosquitto"),
    log: Annotated[Path, typer.Option(help="The broker's log: a file, stdout or stderr.")] = Path(
        "/var/log/mosquitto/mosquitto.log"
    ),
    log_denied: Annotated[
        bool, typer.Option("--log-denied", help="Log refused messages, and with them every message.")
    ] = False,
    run_as: Annotated[str, typer.Option(help="User the broker becomes when root starts it.")] = "mosquitto",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the broker.")] = 8883,
    password_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of those with a password, where others have certificates.")
    ] = 8884,
) -> None:
    """Write mosquitto's configuration and access rules from the registry; what is not allowed is denied."""
    from flows.broker_config import BrokerPlace, run_broker_config
    from flows.cli import settings_or_exit

    with settings_or_exit() as settings:
        place = BrokerPlace((installed_at or out).absolute(), state, log, run_as, port, password_port, log_denied)
        for line in run_broker_config(
            settings,
            out=out,
            place=place,
            users_file=users,
            collectors=collector or [settings.collector],
            identity=identity.value,
            with_tenant=with_tenant,
            rotate=rotate or [],
            group=group,
            may_lack_registry=allow_no_registry,
        ):
            typer.echo(line)
