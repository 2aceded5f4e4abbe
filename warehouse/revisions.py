"""What changed in a vehicle-date, when, and from which segments?

A rebuild that finds the same content adds nothing; one that finds other content adds a row to `core.revisions` with
the next number, in the transaction that replaces the rows. The table is history and is never computed anew.
"""

from datetime import date

import duckdb

from warehouse.connection import sql
from warehouse.load import MEASURED_TABLES

ARRIVAL_COLUMNS = {
    "vehicle_dates": (
        *("received_count", "duplicate_count", "median_delay_s", "p95_delay_s"),
        "peak_messages_per_min",
    )
}


def record_revisions(connection: duckdb.DuckDBPyConnection, day: date, code_version: str) -> None:
    """Compare what core holds of the re-opened vans of a service date with their last revisions; note differences."""
    digests = "\n    union all\n".join(_digests(name) for name in MEASURED_TABLES)
    connection.execute(sql("work/contents.sql").replace("{digests}", digests), {"day": day})
    connection.execute(sql("work/revisions.sql"), {"day": day, "code": code_version})


def _digests(name: str) -> str:
    arrival = ARRIVAL_COLUMNS.get(name)
    columns = f"* exclude ({', '.join(arrival)})" if arrival else "*"
    return (
        f"    select tenant_id, vehicle_id, '{name}' as part,\n"
        "    md5(string_agg(md5(measured::varchar), '' order by md5(measured::varchar))) as digest\n"
        f"    from (select {columns} from core.{name} where service_date = $day) as measured\n"
        "    semi join (from staging.reopened_vans where service_date = $day) as vans using (tenant_id, vehicle_id)\n"
        "    group by all"
    )
