"""Which users does the broker have? Those of the registry, the collectors, and those of a small file.

The file is TOML, one table for each user:

    [[user]]
    name = "traccar"                     # its login: the name in its certificate, or beside its password
    role = "forwarder"                   # device, provider, depot, reader, dispatcher, forwarder, gateway or collector
    topics = ["traccar/positions"]       # of a forwarder; `+` for a level that varies, as in "/+/report"
    identity = "password"                # certificate or password; unset: what the command says

    [[user]]
    name = "northwind-fuel"
    role = "provider"
    tenant = "northwind"                 # of everybody but a forwarder and a collector, which hears all tenants
    id = "wex"                           # of a device, provider or depot: its name in topics; unset: `name`
"""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from ingest.access import AccessRefused, Identity, User, collector, dispatcher, forwarder, gateway, reader, sender
from ingest.collector import client_id
from ingest.topics import FOREIGN_SUBSCRIPTIONS
from warehouse.senders import RegisteredSender


class UserEntry(BaseModel):
    """One `[[user]]` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    role: Literal["device", "provider", "depot", "reader", "dispatcher", "forwarder", "gateway", "collector"]
    tenant: str | None = None
    id: str | None = None
    topics: tuple[str, ...] = ()
    identity: Identity | None = None


class _UsersFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: list[UserEntry] = []


def read_users(path: Path) -> list[UserEntry]:
    """Read the file; raise AccessRefused naming everything in it that does not fit."""
    try:
        return _UsersFile.model_validate(tomllib.loads(path.read_text())).user
    except OSError as error:
        raise AccessRefused([f"{path}: {error.strerror}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise AccessRefused([f"{path}: not TOML: {error}"]) from error
    except ValidationError as error:
        found = (f"{path}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors())
        raise AccessRefused(list(found)) from error


def broker_users(
    registered: Iterable[RegisteredSender],
    entries: Sequence[UserEntry],
    *,
    collectors: Sequence[str],
    identity: Identity,
    with_tenant: bool,
    foreign: Sequence[str] = FOREIGN_SUBSCRIPTIONS,
) -> list[User]:
    """Everybody who may come in; raise AccessRefused with all names that are none.

    `foreign` are the topics of other formats, mapped ones among them, that collectors read.
    `with_tenant` calls those of the registry `name@tenant`, so that two tenants may have the same device id.
    """
    registered = list(registered)
    tenants = {found.tenant_id for found in registered} | {entry.tenant for entry in entries if entry.tenant}
    users: list[User] = []
    problems: list[str] = []
    for kind, tenant, name in registered:
        login = f"{name}@{tenant}" if with_tenant else name
        try:
            users.append(sender(cast(Literal["device", "depot"], kind), tenant, name, login, identity))
        except AccessRefused as refused:
            problems += refused.problems
    for entry in entries:
        try:
            users.append(_user(entry, entry.identity or identity, tenants, foreign))
        except AccessRefused as refused:
            problems += refused.problems
    if problems:
        raise AccessRefused(problems)
    return [*users, *(collector(tenants, foreign, client_id(name), identity) for name in collectors)]


def _user(entry: UserEntry, identity: Identity, tenants: Iterable[str], foreign: Sequence[str]) -> User:
    if entry.role == "collector":
        return collector(tenants, foreign, entry.name, identity)
    if entry.role == "forwarder":
        return forwarder(entry.topics, entry.name, identity)
    if entry.tenant is None:
        raise AccessRefused([f"{entry.name}: a {entry.role} has a tenant"])
    if entry.role == "reader":
        return reader(entry.tenant, entry.name, identity)
    if entry.role == "dispatcher":
        return dispatcher(entry.tenant, entry.name, identity)
    if entry.role == "gateway":
        return gateway(entry.tenant, entry.name, identity)
    return sender(entry.role, entry.tenant, entry.id or entry.name, entry.name, identity)
