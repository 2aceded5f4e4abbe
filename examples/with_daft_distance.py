"""Does another engine find in the lake the kilometres that the marts say? Daft reads the Delta table of positions.

The metres of a van with an odometer on the bus are what it went up by over the service date. The lake may lie in a
folder or, with ODOGRAPH_LAKE_URL, in an object store; Daft is told address and keys by the same variables as we are.
"""

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import daft
import duckdb
import polars as pl
from daft import col
from daft.io import IOConfig, S3Config

DATA_DIR = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data")).resolve()
LAKE = os.environ.get("ODOGRAPH_LAKE_URL") or str(DATA_DIR / "lake")
TENANT, ZONE = "northwind", ZoneInfo("America/New_York")
STORE = IOConfig(
    s3=S3Config(
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        region_name=os.environ.get("AWS_REGION"),
        key_id=os.environ.get("AWS_ACCESS_KEY_ID"),
        access_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        use_ssl=os.environ.get("AWS_ALLOW_HTTP") != "true",
        force_virtual_addressing=os.environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") == "true",
    )
)

with duckdb.connect(str(DATA_DIR / "published" / "odograph.duckdb"), read_only=True) as published:
    devices = published.sql(
        f"select id as device_id, vehicle_id from core.assignments where kind = 'device' and tenant_id = '{TENANT}'"
    ).pl()
    measured = published.sql(
        "select service_date, vehicle_id, distance_m::bigint as distance_m from marts.vehicle_days"
        f" where tenant_id = '{TENANT}' and distance_source = 'odometer'"
    ).pl()


def begins_ms(day: date) -> int:
    """When a service date begins, in Unix milliseconds; exact also where a clock change is near."""
    return round(datetime.combine(day, time(4), ZONE).astimezone(UTC).timestamp() * 1000)


dates = measured["service_date"].unique().sort().to_list()
service_dates = daft.from_pydict(
    {
        "service_date": dates,
        "from_ms": [begins_ms(day) for day in dates],
        "to_ms": [begins_ms(day + timedelta(days=1)) for day in dates],
    }
)
driven = (
    daft.read_deltalake(f"{LAKE}/positions", io_config=STORE if "://" in LAKE else None)
    .where(col("fix_date").between(min(dates), max(dates) + timedelta(days=1)))  # files of other dates are not opened
    .where((col("tenant_id") == TENANT) & col("odometer_m").not_null() & (col("quality") == "good"))
    .select("device_id", "fix_ms", "odometer_m")
    .join(daft.from_arrow(devices.to_arrow()), on="device_id")
    .join(service_dates, how="cross")
    .where((col("fix_ms") >= col("from_ms")) & (col("fix_ms") < col("to_ms")))
    .groupby("service_date", "vehicle_id")
    .agg(col("odometer_m").max().alias("last_m"), col("odometer_m").min().alias("first_m"))
    .select("service_date", "vehicle_id", (col("last_m") - col("first_m")).cast("int64").alias("daft_m"))
)
compared = (
    measured.join(pl.from_arrow(driven.to_arrow()), on=["service_date", "vehicle_id"], how="left")
    .with_columns(is_equal=pl.col("distance_m") == pl.col("daft_m"))
    .sort("service_date", "vehicle_id")
)
with pl.Config(tbl_rows=-1, tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True, tbl_formatting="MARKDOWN"):
    print(compared)
raise SystemExit(0 if compared["is_equal"].all() else "the lake and the marts disagree")
