"""What does it cost to publish, and what does it depend on?

A warehouse is filled with invented rows, as many as so many vans make in so many days. Then copies of it are made:
the whole file copied, as `warehouse.publish` does; every row written anew, as it did before; and tenants' copies, the
first time, without news, and after a day of one tenant or of all changed.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import duckdb
import polars as pl

from ingest.columns import LAKE_TABLES
from warehouse.connection import open_warehouse, transaction
from warehouse.lake import LakeTableFiles
from warehouse.models import prepare_models
from warehouse.network_copy import publish_network
from warehouse.publish import add_views, publish
from warehouse.tenant_copies import publish_tenants

# Rows of a van's day, as a delivery day of 180 stops gives them; of other dated tables there are few.
ROWS_A_DAY = {
    "core.ledger": 600,
    "core.stops": 180,
    "core.planned_stops": 180,
    "marts.stops": 180,
    "marts.planned_stops": 180,
    "marts.idle_events": 30,
    "marts.idle_by_definition": 25,
    "core.vehicle_dates": 1,
    "core.route_phases": 1,
    "marts.vehicle_days": 1,
    "marts.route_days": 1,
    "marts.data_health": 1,
    "marts.status_days": 1,
}
FIRST_DATE = "date '2026-01-01'"


class Cost(NamedTuple):
    """One way of making copies, and how long it took."""

    way: str
    seconds: float
    megabytes: float


def measure_publish(folder: Path, vans: int, days: int, tenants: int, tell: Callable[[int], None]) -> list[Cost]:
    """Fill, publish in every way, and return what each cost. `tell` hears how many steps are done."""
    lake = {
        table.name: LakeTableFiles(0, (), False, table.partition_by, pl.DataFrame(table.schema.empty_table()))
        for table in LAKE_TABLES
    }
    costs: list[Cost] = []
    published_dir = folder / "published"

    def timed(way: str, work: Callable[[], object], made: Callable[[], list[Path]]) -> None:
        began_s = monotonic()
        work()
        seconds = monotonic() - began_s
        costs.append(Cost(way, seconds, sum(path.stat().st_size for path in made()) / 1e6))
        tell(len(costs))

    def newest() -> Path:
        return (published_dir / "odograph.duckdb").resolve()

    def tenants_anew() -> None:
        publish_tenants(
            newest(), published_dir / "tenants", None, lambda copy, _tenant: add_views(copy, lake, "UTC"), ""
        )

    def tenant_files() -> list[Path]:
        return [path.resolve() for path in (published_dir / "tenants").glob("*.duckdb")]

    with open_warehouse(folder / "warehouse.duckdb") as warehouse:
        prepare_models(warehouse)
        fill(warehouse, vans, days, tenants)

        def whole(*, afresh: bool) -> None:
            publish(warehouse, published_dir, lake, "UTC", "bench", afresh=afresh)

        timed("all: every row written anew", lambda: whole(afresh=True), lambda: [newest()])
        timed("all: the file copied", lambda: whole(afresh=False), lambda: [newest()])
        timed("tenants: the first time", tenants_anew, tenant_files)
        timed("tenants: without news", tenants_anew, list)
        change_day(warehouse, "tenant_id = 'tenant-0'")
        timed("all: the file copied, a tenant's day changed", lambda: whole(afresh=False), lambda: [newest()])
        timed("tenants: a day of one changed", tenants_anew, list)
        change_day(warehouse, "true")
        timed("all: the file copied, a day of all changed", lambda: whole(afresh=False), lambda: [newest()])
        timed("tenants: a day of all changed", tenants_anew, tenant_files)
        network = published_dir / "network.duckdb"
        timed("network", lambda: publish_network(newest(), published_dir), lambda: [network.resolve()])
    return costs


def fill(
    warehouse: duckdb.DuckDBPyConnection,
    vans: int,
    days: int,
    tenants: int,
    tables: Collection[str] = tuple(ROWS_A_DAY),
) -> None:
    """Invent rows of every dated table that is large, or of some of them."""
    for name in tables:
        count = ROWS_A_DAY[name]
        schema, table = name.split(".")
        columns = warehouse.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = $schema and table_name = $table"
            " and database_name = current_database() order by column_index",
            {"schema": schema, "table": table},
        ).fetchall()
        listed = ", ".join(f"{_invented(column, kind, tenants)} as {column}" for column, kind in columns)
        warehouse.execute(
            f"insert into {name} select {listed} from (select day, van, number, hash(day, van, number) >> 1 as random"
            f" from range({days}) as days(day), range({vans}) as vans(van), range({count}) as numbers(number))"
            " order by day, van, number"
        )


def change_day(warehouse: duckdb.DuckDBPyConnection, whose: str) -> None:
    """Replace a day of the ledger and of vehicle days, as a rebuild does, with other numbers."""
    with transaction(warehouse):
        for name in ("core.ledger", "core.stops", "marts.vehicle_days", "marts.stops"):
            condition = f"service_date = {FIRST_DATE} and {whose}"
            changed = {"core.ledger": "distance_m", "marts.vehicle_days": "distance_m"}.get(name, "latitude")
            warehouse.execute(
                f"create or replace temp table changed as select * replace ({changed} + 1 as {changed})"
                f" from {name} where {condition}"
            )
            warehouse.execute(f"delete from {name} where {condition}")
            warehouse.execute(f"insert into {name} from changed")


def _invented(column: str, kind: str, tenants: int) -> str:
    named = {
        "tenant_id": f"'tenant-' || (van % {tenants})",
        "vehicle_id": "'V' || lpad(van::varchar, 5, '0')",
        "service_date": f"{FIRST_DATE} + day::int",
    }
    of_kind = {
        "VARCHAR": "(['drive', 'idle', 'off', 'unknown', 'ready'])[1 + (random % 5)::int]",
        "VARCHAR[]": "[]::varchar[]",
        "TIMESTAMP": "timestamp '2026-01-01' + to_seconds(day * 86400 + number * 60 + random % 60)",
        "BOOLEAN": "random % 2 = 0",
        "JSON": "'{}'",
        "BIGINT": "(random >> 3) % 100000",
        "INTEGER": "(random >> 3) % 100000",
        "DOUBLE": "((random >> 5) % 10000000) / 1000.0",
    }
    return (
        named.get(column)
        or of_kind.get(kind)
        or ("((random >> 5) % 100000) / 100.0" if kind.startswith("DECIMAL") else "null")
    )
