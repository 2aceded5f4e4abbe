"""Which polars type has each column of the files about the fleet?"""

from typing import Any

import polars as pl

_TYPES: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("package_capacity", "completed_stop_count", "dispatched_package_count", "delivered_package_count"),
            "purchases_per_day",
            "keep_days",
        ),
        pl.Int32,
    ),
    **dict.fromkeys(("fixed_cost_per_day", "wage_per_h", "limit_per_purchase", "limit_per_day"), pl.Decimal(18, 4)),
    "price": pl.Decimal(18, 6),
    **dict.fromkeys(("valid_from", "valid_to", "lease_from", "lease_to", "from_date", "service_date"), pl.Date),
    "from_utc": pl.Datetime("us"),
    "to_utc": pl.Datetime("us"),
    "clock_in_utc": pl.Datetime("us"),
    "clock_out_utc": pl.Datetime("us"),
    "window_start": pl.Time,
    "window_end": pl.Time,
    "row_no": pl.Int64,
    "unpaid_break_s": pl.Float64,
    **dict.fromkeys(("tank_l", "gvwr_lb", "idle_l_per_h", "latitude", "longitude", "radius_m"), pl.Float64),
    **dict.fromkeys(("margin_m", "south", "north", "west", "east"), pl.Float64),
    **dict.fromkeys(("target_km_per_day", "reporting_interval_s"), pl.Float64),
}


def column_type(name: str) -> Any:
    """The polars type of a column of any dimension."""
    return _TYPES.get(name, pl.String)
