"""Does another engine count in the lake what the marts say? Daft reads the Delta table of positions.

A position counts once for its device, fix time, boot and number; a service date begins at 04:00 on the depot's clock
(where a plan says when a route runs, the plan decides, which changes nothing on these dates).
"""

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import daft
import duckdb
import polars as pl
from daft import col

DATA_DIR = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data")).resolve()
TENANT, ZONE = "northwind", ZoneInfo("America/New_York")
KEY = ("device_id", "fix_ms", "boot", "seq")

with duckdb.connect(str(DATA_DIR / "published" / "odograph.duckdb"), read_only=True) as published:
    devices = published.sql(
        f"select id as device_id, vehicle_id from core.assignments where kind = 'device' and tenant_id = '{TENANT}'"
    ).pl()
    health = published.sql(
        "select service_date, vehicle_id, accepted_count from marts.data_health"
        f" where tenant_id = '{TENANT}' and accepted_count > 0"
    ).pl()


def begins_ms(day: date) -> int:
    """When a service date begins, in Unix milliseconds; exact also where a clock change is near."""
    return round(datetime.combine(day, time(4), ZONE).astimezone(UTC).timestamp() * 1000)


dates = health["service_date"].unique().sort().to_list()
service_dates = daft.from_pydict(
    {
        "service_date": dates,
        "from_ms": [begins_ms(day) for day in dates],
        "to_ms": [begins_ms(day + timedelta(days=1)) for day in dates],
    }
)
counted = (
    daft.read_deltalake(str(DATA_DIR / "lake" / "positions"))
    .where(col("fix_date").between(min(dates), max(dates) + timedelta(days=1)))  # files of other dates are not opened
    .where(col("tenant_id") == TENANT)
    .select(*KEY)
    .distinct()
    .join(daft.from_arrow(devices.to_arrow()), on="device_id")
    .join(service_dates, how="cross")
    .where((col("fix_ms") >= col("from_ms")) & (col("fix_ms") < col("to_ms")))
    .groupby("service_date", "vehicle_id")
    .agg(col("fix_ms").count().alias("daft_count"))
)
compared = (
    health.join(pl.from_arrow(counted.to_arrow()), on=["service_date", "vehicle_id"], how="full", coalesce=True)
    .with_columns(is_equal=pl.col("accepted_count") == pl.col("daft_count"))
    .sort("service_date", "vehicle_id")
)
with pl.Config(tbl_rows=-1, tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True, tbl_formatting="MARKDOWN"):
    print(compared)
raise SystemExit(0 if compared["is_equal"].all() else "the lake and the marts disagree")
