"""What does idling cost, by van and weekday, and which routes came back late? With pandas."""

import os
from pathlib import Path

import duckdb
import pandas as pd

# A link to the newest generation; a connection that stays open stays with the one it opened.
PUBLISHED = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data"), "published", "odograph.duckdb")

with duckdb.connect(str(PUBLISHED), read_only=True) as published:
    # Dates and decimals come as what pandas can count with: timestamps and floats.
    van_days = published.sql("from marts.vehicle_days where tenant_id = 'northwind'").df()
    routes = published.sql("from marts.route_days where tenant_id = 'northwind'").df()

by_day = van_days.assign(weekday=van_days.service_date.dt.strftime("%a")).sort_values("service_date")
idle_cost = by_day.pivot_table(index="vehicle_id", columns="weekday", values="idle_cost", aggfunc="sum", sort=False)
# A share of a week is the sum of idle time over the sum of engine-on time, not the mean of daily shares.
spent_s = by_day.groupby("vehicle_id")[["idle_s", "engine_on_s"]].sum()
idle_cost["idle share"] = spent_s.idle_s / spent_s.engine_on_s

late = routes.assign(
    after_plan_min=(routes.depot_return_utc - routes.planned_return_utc).dt.total_seconds() / 60,
    service_date=routes.service_date.dt.date,
).nlargest(5, "after_plan_min")

with pd.option_context("display.precision", 3, "display.width", 120):
    print("Cost of idling, USD:", idle_cost.sort_index().round(3), sep="\n")
    print("\nRoutes that came back latest, against their plan:")
    print(late[["service_date", "route_id", "after_plan_min", "route_utilization"]].round(3).to_string(index=False))
