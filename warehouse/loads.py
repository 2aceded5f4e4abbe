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


def stale_tenants(connection: duckdb.DuckDBPyConnection, day: date) -> list[str]:
    """The tenants with news of a service date, or whose rows of it are held back."""
    rows = connection.execute(
        "select tenant_id from core.reopened where service_date = $day"
        " union select tenant_id from core.held_back where service_date = $day order by 1",
        {"day": day},
    ).fetchall()
    return [row[0] for row in rows]


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
