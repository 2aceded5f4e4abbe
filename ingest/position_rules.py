"""What can one message tell about the truth of its points?

The rules, column by column (docs/messages.md): Q1 (place), Q2 (quality), Q3 (clock against the receive time) and
Q12 (values no vehicle has). Rules that need neighbours are computed on each rebuild, from the lake.
"""

import polars as pl
import pyarrow as pa

from ingest.columns import POSITIONS
from ingest.native import MAX_AHEAD_S

GPS_ROLLOVER_S = 619_315_200  # 1024 weeks: what a receiver with the GPS week roll-over bug is behind
YEAR_2015_S = 1_420_070_400
# What receivers count from before they know the time: 1970, 1980-01-06 (GPS), 2000 and 2004.
UNSET_CLOCKS_S = (0, 315_964_800, 946_684_800, 1_072_915_200)
MAX_SPEED_KMH, MAX_RPM, MAX_ODOMETER_M = 200, 8_000, 5_000_000_000


def with_reason(points: pl.DataFrame, max_age_days: float) -> pl.DataFrame:
    """Add `reason`, null for a usable point, and correct the GPS week roll-over."""
    ts, lat, lon = pl.col("ts"), pl.col("lat"), pl.col("lon")
    received_s = pl.col("received_us") / 1e6
    ahead_s = ts - received_s
    oldest_s = max_age_days * 86_400
    rule_on = max_age_days > 0
    corrected_ahead_s = ahead_s + GPS_ROLLOVER_S
    rolled_over = pl.lit(rule_on) & corrected_ahead_s.is_between(-oldest_s, MAX_AHEAD_S)
    points = points.with_row_index("row").with_columns(
        rolled_over=rolled_over.fill_null(value=False),
        ts=pl.when(rolled_over).then(ts + GPS_ROLLOVER_S).otherwise(ts),
        has_fix=~(pl.col("nofix").fill_null(value=False) | pl.col("private").fill_null(value=False)),
    )
    has_fix = pl.col("has_fix")
    return points.with_columns(
        reason=pl.when(ts.is_null())
        .then(pl.lit("missing_time"))
        .when(pl.col("retain"))
        .then(pl.lit("retained_position"))
        .when(ahead_s > MAX_AHEAD_S)
        .then(pl.lit("clock_ahead"))
        .when(pl.any_horizontal(ts.is_between(start, start + 86_400) for start in UNSET_CLOCKS_S))
        .then(pl.lit("clock_unset"))
        .when(pl.lit(rule_on) & (ts < YEAR_2015_S))
        .then(pl.lit("before_2015"))
        .when(pl.lit(rule_on) & (ahead_s < -oldest_s))
        .then(pl.lit("too_old"))
        .when(ts < 0)
        .then(pl.lit("before_2015"))
        .when(has_fix & (lat.is_null() | lon.is_null()))
        .then(pl.lit("position_missing"))
        .when(has_fix & (lat == 0) & (lon == 0))
        .then(pl.lit("position_zero"))
        .when(has_fix & ~(lat.is_between(-90, 90) & lon.is_between(-180, 180)))
        .then(pl.lit("position_out_of_range"))
        .otherwise(None)
    )


def positions_table(good: pl.DataFrame) -> pa.Table:
    """Usable points in the columns and units of the lake; values no vehicle has become null, with a flag (Q12)."""
    fix_ms = (pl.col("ts") * 1000).round().cast(pl.Int64)
    has_fix = pl.col("has_fix")
    low = (
        (pl.col("valid") == False)  # noqa: E712
        | (pl.col("hdop") > 5)
        | (pl.col("sat") < 4)
        | (pl.col("acc_m") > 100)
    ).fill_null(value=False)
    refused = {
        "speed_refused": ~pl.col("spd_kmh").is_between(0, MAX_SPEED_KMH),
        "rpm_refused": ~pl.col("rpm").is_between(0, MAX_RPM),
        "odometer_refused": ~pl.col("odo_m").is_between(0, MAX_ODOMETER_M),
        "fuel_refused": ~pl.col("fuel_pct").is_between(0, 100),
        "switch_refused": pl.col("switch_refused").fill_null(value=False),
    }
    # In private mode time, engine and counters are all that a message says.
    is_open = ~pl.col("private").fill_null(value=False)
    good = good.with_columns(
        pl.when(is_open).then(pl.col(name)).alias(name)
        for name in ("spd_kmh", "hdop", "sat", "acc_m", "route_id", "extra")
    )
    refused["private_mode"] = ~is_open
    flags = [pl.when(bad).then(pl.lit(flag)) for flag, bad in sorted(refused.items())]
    frame = good.select(
        "tenant_id",
        "device_id",
        fix_ms.alias("fix_ms"),
        pl.from_epoch(fix_ms, "ms").cast(pl.Date).alias("fix_date"),
        _scaled("lat", 1e7, pl.Int32, has_fix).alias("latitude_e7"),
        _scaled("lon", 1e7, pl.Int32, has_fix).alias("longitude_e7"),
        _scaled("spd_kmh", 100, pl.Int16, ~refused["speed_refused"]).alias("speed_ckmh"),
        _scaled("hdg_deg", 10, pl.Int16, has_fix & pl.col("hdg_deg").is_between(0, 360)).alias("heading_ddeg"),
        _scaled("alt_m", 10, pl.Int32, has_fix & pl.col("alt_m").is_between(-1_000, 20_000)).alias("altitude_dm"),
        pl.col("ign").alias("ignition"),
        "pto",
        _scaled("rpm", 1, pl.Int16, ~refused["rpm_refused"]).alias("rpm"),
        _scaled("odo_m", 1, pl.Int64, ~refused["odometer_refused"]).alias("odometer_m"),
        _scaled("fuel_pct", 100, pl.Int16, ~refused["fuel_refused"]).alias("fuel_cpct"),
        _scaled("fuel_l", 1000, pl.Int32, pl.col("fuel_l").is_between(0, 2_000)).alias("fuel_ml"),
        _scaled("fuel_used_l", 1000, pl.Int64, pl.col("fuel_used_l").is_between(0, 1e9)).alias("fuel_used_ml"),
        _scaled("batt_v", 1000, pl.Int32, pl.col("batt_v").is_between(0, 1_000)).alias("battery_mv"),
        _scaled("soc_pct", 100, pl.Int16, pl.col("soc_pct").is_between(0, 100)).alias("charge_cpct"),
        _scaled("energy_out_kwh", 1000, pl.Int64, pl.col("energy_out_kwh").is_between(0, 1e9)).alias("energy_out_wh"),
        "charging",
        _scaled("hdop", 100, pl.Int16, pl.col("hdop").is_between(0, 99)).alias("hdop_c"),
        pl.col("sat").alias("satellites"),
        _scaled("acc_m", 10, pl.Int32, pl.col("acc_m").is_between(0, 1e6)).alias("accuracy_dm"),
        "boot",
        "seq",
        (pl.col("his").fill_null(value=False) | pl.col("on_his")).alias("backlog"),
        "route_id",
        pl.when(~has_fix)
        .then(pl.lit("no_fix"))
        .when(low)
        .then(pl.lit("low"))
        .otherwise(pl.lit("good"))
        .alias("quality"),
        pl.concat_str(
            pl.when("rolled_over").then(pl.lit("gps_week_rollover")), *flags, separator=",", ignore_nulls=True
        ).alias("flags"),
        "extra",
        "source_format",
        "point_index",
        "spool_id",
        "segment_no",
        "payload_hash",
        "received_us",
    )
    return frame.to_arrow().cast(POSITIONS.schema)


def _scaled(name: str, factor: float, kind: type[pl.DataType], keep: pl.Expr) -> pl.Expr:
    return pl.when(keep).then((pl.col(name) * factor).round()).cast(kind)
