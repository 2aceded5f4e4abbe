"""What is in each part of the copy for all: the rows of one table, tenant and service date?

Every part has a digest. While a refresh runs only a rebuild of their service date writes the largest tables, and who
takes over plans (`warehouse.work`). So of dates that were neither rebuilt nor planned anew their parts have the digests
they had, and their rows are not read, as long as nobody else wrote the warehouse (`warehouse.custody`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from warehouse.connection import sql
from warehouse.custody import DIGESTS, OF_REBUILDS, Known
from warehouse.tenancy import Table


def digest_parts(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], known: Known | None) -> Known | None:
    """Fill `temp.parts` from the copy for all, attached as `everyone`; returns what is known of it from now on."""
    connection.execute(sql("copies/parts.sql"))
    read = dict.fromkeys(OF_REBUILDS, "true")
    if known is not None and known.touched is not None:
        read = dict.fromkeys(OF_REBUILDS, is_of(sorted(known.touched)))
        connection.execute(
            "insert into temp.parts from read_parquet($path) where service_date not in"
            " (select unnest($touched::date[]))",
            {"path": str(known.folder / DIGESTS), "touched": sorted(known.touched)},
        )
    # In one statement, so that several tables are read at a time.
    selects = [
        f"select '{table.name}', {'tenant_id' if table.is_of_tenants else 'null'},"
        f" {'service_date' if table.is_dated else 'null'}, count(*), coalesce(sum(hash(part)), 0)"
        f" from everyone.{table.name} as part where {read.get(table.name, 'true')} group by all"
        for table in tables
        if table.is_of_tenants or table.is_shared
    ]
    connection.execute(f"insert into temp.parts {' union all '.join(selects)}")
    if known is None:
        return None
    _keep(connection, known.folder)
    return known._replace(touched=frozenset())


def _keep(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Keep the digests of large tables; a note that is there speaks of others from now on."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = folder / f"{DIGESTS}.new"
    quoted = str(beside).replace("'", "''")
    named = ", ".join(f"'{name}'" for name in OF_REBUILDS)
    # Parquet has no whole numbers of 128 bits.
    connection.execute(
        "copy (select * replace (digest::varchar as digest) from temp.parts"
        f" where table_name in ({named})) to '{quoted}' (format parquet)"
    )
    beside.replace(folder / DIGESTS)


def is_of(days: Sequence[object]) -> str:
    """The condition that picks rows of these service dates; None: rows without one."""
    named = ", ".join(f"date '{day}'" for day in days if day is not None)
    conditions = [f"service_date in ({named})"] if named else []
    if None in days:
        conditions.append("service_date is null")
    return "(" + " or ".join(conditions or ["false"]) + ")"
