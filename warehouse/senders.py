"""Who may send, as far as the registry knows: the devices of today's vans, and the depots."""

from datetime import datetime
from typing import NamedTuple

import duckdb

from warehouse.connection import sql


class RegisteredSender(NamedTuple):
    """A `kind` (device or depot) of a tenant, by the name it has in its topics."""

    kind: str
    tenant_id: str
    name: str


def registered_senders(connection: duckdb.DuckDBPyConnection, now_utc: datetime) -> list[RegisteredSender]:
    """Everybody who may send at `now_utc` (UTC, without a zone), in order."""
    rows = connection.execute(sql("work/registered_senders.sql"), {"now_utc": now_utc}).fetchall()
    return [RegisteredSender(*row) for row in rows]
