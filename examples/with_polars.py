"""What does idling cost, by van and weekday, and which routes came back late? With polars."""

import os
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl

# A link to the newest generation; a connection that stays open stays with the one it opened.
PUBLISHED = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data"), "published", "odograph.duckdb")

with duckdb.connect(str(PUBLISHED), read_only=True) as published:
    van_days = published.sql("from marts.vehicle_days where tenant_id = 'northwind'").pl()
    routes = published.sql("from marts.route_days where tenant_id = 'northwind'").pl()

idle_cost = (
    van_days.sort("service_date")
    .with_columns(weekday=pl.col("service_date").dt.strftime("%a"))
    .pivot("weekday", index="vehicle_id", values="idle_cost", aggregate_function="sum")
    .with_columns(pl.exclude("vehicle_id").cast(pl.Decimal(18, 2)))
    .sort("vehicle_id")
)
late = (
    routes.select(
        "service_date",
        "route_id",
        after_plan_min=((pl.col("depot_return_utc") - pl.col("planned_return_utc")) / timedelta(minutes=1)).round(1),
        route_utilization=pl.col("route_utilization").round(3),
    )
    .sort("after_plan_min", descending=True)
    .head(5)
)

with pl.Config(tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True, tbl_formatting="MARKDOWN"):
    print("Cost of idling, USD:", idle_cost, "Routes that came back latest, against their plan:", late, sep="\n")
