"""What changed in a vehicle-date, when, and from which segments?

A rebuild that finds the same content adds nothing; one that finds other content adds a row to `core.revisions` with
the next number, in the transaction that replaces the rows. The table is history and is never computed anew.
"""

from collections.abc import Collection
from datetime import date

import duckdb

from warehouse.connection import sql
from warehouse.load import MEASURED_TABLES

VANS_TOGETHER = 1_000  # whose rows of a date are held as text at once
ARRIVAL_COLUMNS = {
    "vehicle_dates": (
        *("received_count", "duplicate_count", "median_delay_s", "p95_delay_s"),
        "peak_messages_per_min",
    )
}


def record_revisions(
    connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str], code_version: str
) -> None:
    """Compare what core holds of these tenants' re-opened vans of a service date with the last revisions.

    A vehicle-date that differs gets one more.
    """
    digests = "\n    union all\n".join(_digests(name) for name in MEASURED_TABLES)
    connection.execute(sql("work/reopened_portions.sql"), {"day": day, "tenants": [*tenants], "vans": VANS_TOGETHER})
    (last,) = connection.execute("select coalesce(max(portion), 0) from reopened_portions").fetchall()[0]
    for portion in range(last + 1):
        into = "insert into contents" if portion else "create or replace temp table contents as"
        text = sql("work/contents.sql").replace("{into}", into).replace("{digests}", digests)
        connection.execute(text, {"day": day, "portion": portion})
    connection.execute(sql("work/revisions.sql"), {"day": day, "code": code_version})


def _digests(name: str) -> str:
    arrival = ARRIVAL_COLUMNS.get(name)
    columns = f"* exclude ({', '.join(arrival)})" if arrival else "*"
    return (
        f"    select tenant_id, vehicle_id, '{name}' as part,\n"
        "    md5(string_agg(md5(measured::varchar), '' order by md5(measured::varchar))) as digest\n"
        f"    from (select {columns} from core.{name} where service_date = $day) as measured\n"
        "    semi join vans using (tenant_id, vehicle_id)\n"
        "    group by all"
    )
