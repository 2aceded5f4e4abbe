"""What made the rows of a service date, and whose are to be made now?

Each rebuild of a date leaves a row for every tenant it rebuilt: the load. It names the program and digests of all that
decides what the numbers are, so that a number can be traced to what made it.
"""

from collections.abc import Collection
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

import duckdb

from warehouse.checks import checks_digest
from warehouse.connection import sql
from warehouse.models import shared_sql

SHOWN_DIGITS = 12
VANS_TOGETHER = 2_000  # of a service date that is rebuilt in one transaction


def tenants_together(connection: duckdb.DuckDBPyConnection, day: date) -> list[list[str]]:
    """The tenants with news of a service date, or whose rows of it are held back, dealt in order to groups.

    A group has as many of them as have VANS_TOGETHER vans on that date, and at least one.
    """
    groups: list[list[str]] = []
    room = 0
    for tenant_id, vans in connection.execute(sql("work/stale_tenants.sql"), {"day": day}).fetchall():
        if vans > room or not groups:
            groups.append([])
            room = VANS_TOGETHER
        groups[-1].append(tenant_id)
        room -= vans
    return groups


def rebuilt_since(connection: duckdb.DuckDBPyConnection, instant: datetime) -> list[str]:
    """The tenants of whom a service date was rebuilt since then, as far as clocks can tell."""
    rows = connection.execute(
        "select distinct tenant_id from core.loads where rebuilt_utc >= $instant order by 1", {"instant": instant}
    ).fetchall()
    return [row[0] for row in rows]


def record_load(
    connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str], code_version: str, seconds: float
) -> None:
    """Note the rebuild of a service date for these tenants; what re-opened their vehicle-dates is done."""
    connection.execute(
        sql("work/loads.sql"),
        {"day": day, "tenants": [*tenants], "code": code_version, "seconds": seconds, **_digests()},
    )
    connection.execute(
        "delete from core.reopened where service_date = $day and list_contains($tenants, tenant_id)",
        {"day": day, "tenants": [*tenants]},
    )


@cache
def _digests() -> dict[str, str]:
    """What decides which numbers come out, apart from the program: schema, models, definitions and checks."""
    folder = files("warehouse")
    marts = sorted(path.name for path in (folder / "sql" / "marts").iterdir())
    definitions = (folder / "definitions.toml").read_text(encoding="utf-8")
    models = [shared_sql(), *(sql(f"marts/{name}") for name in marts)]
    digests = {
        "schema_digest": _digest(sql("schema.sql")),
        "models_digest": _digest("\n".join(models) + definitions),
        "definitions_digest": _digest(definitions),
        "checks_digest": checks_digest(),
    }
    return {name: digest[:SHOWN_DIGITS] for name, digest in digests.items()}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
