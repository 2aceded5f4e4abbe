"""Where were the vans when cards were used?

Lines and positions become arrays for `kernels.presence`, and its answer becomes rows again.
"""

from datetime import datetime
from functools import partial
from typing import Any

import duckdb
import numpy as np
import polars as pl

from flows.measuring.partitions import without_secrets
from flows.measuring.planned import e7
from flows.runners import Mapper
from flows.settings import Settings
from kernels.engine import engine_state
from kernels.presence import Presences, Purchases, presence
from kernels.pump import MEASURES
from kernels.track import Track
from warehouse.fuel_presence import Evaluated, read_evaluated, replace_presence, stale_chunks

VAN = ["tenant_id", "vehicle_id"]
COUNTS = ("fix_count_60", "fix_count_15", "fix_count_3", "day_fix_count", "level_count_day", "shift_h")


def evaluate_presence(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, since: datetime | None = None, mapper: Mapper = map
) -> int:
    """Compare every line whose inputs changed with the positions around it; return how many there were.

    `since` is about when that was last done (`stale_chunks`).

    Each chunk is a transaction of its own: a run that was cut short is finished by the next one.
    """
    chunks = stale_chunks(warehouse, settings.timezone, since)
    asked = (read_evaluated(warehouse, chunk, settings.timezone) for chunk in chunks)
    compare = partial(presence_rows, settings=without_secrets(settings))
    for chunk, rows in zip(chunks, mapper(compare, asked), strict=True):
        replace_presence(warehouse, chunk, rows)
    return sum(map(len, chunks))


def presence_rows(evaluated: Evaluated, settings: Settings) -> pl.DataFrame:
    """Rows of core.fuel_presence, with `line_no` in place of the key."""
    track, level_pct, purchases, vans = laid_out(evaluated, settings)
    return _rows(presence(track, level_pct, purchases), evaluated.lines, vans)


def laid_out(evaluated: Evaluated, settings: Settings) -> tuple[Track, Any, Purchases, pl.DataFrame]:
    """What the kernel reads, and the vans in the order of its groups; vans without positions have an empty one."""
    rows, lines = evaluated.positions, evaluated.lines
    vans = (
        pl.concat([rows.select(VAN), lines.select(VAN).drop_nulls()])
        .unique()
        .sort(VAN)
        .with_row_index("van")
        .with_columns(pl.col("van").cast(pl.Int64))
    )
    counts = vans.join(rows.group_by(VAN).agg(pl.len().alias("rows")), on=VAN, how="left", maintain_order="left")
    starts = np.concatenate([[0], counts["rows"].fill_null(0).to_numpy().cumsum()]).astype(np.int64)
    tenants = vans.group_by("tenant_id").agg(
        pl.col("van").min().alias("first_van"), (pl.col("van").max() + 1).alias("end_van")
    )
    asked = lines.join(vans, on=VAN, how="left", maintain_order="left").join(
        tenants, on="tenant_id", how="left", maintain_order="left"
    )
    return _track(rows, starts, settings), _level_pct(rows), _purchases(asked), vans


def _track(rows: pl.DataFrame, starts: Any, settings: Settings) -> Track:
    placed = (rows["latitude_e7"].is_not_null() & (rows["quality"] == "good")).to_numpy()
    speed_kmh = _singles(rows["speed_ckmh"], 100)
    charging = rows["charging"].fill_null(value=False).to_numpy().astype(np.bool_)
    return Track(
        starts=starts,
        time_us=rows["fix_ms"].to_numpy().astype(np.int64) * 1000,
        latitude_e7=np.where(placed, rows["latitude_e7"].fill_null(0).to_numpy(), 0).astype(np.int32),
        longitude_e7=np.where(placed, rows["longitude_e7"].fill_null(0).to_numpy(), 0).astype(np.int32),
        placed=np.ascontiguousarray(placed.astype(np.bool_)),
        speed_kmh=speed_kmh,
        engine=engine_state(
            _singles(rows["rpm"], 1),
            rows["ignition"].cast(pl.Int8).fill_null(-1).to_numpy().astype(np.int8),
            charging & ~(speed_kmh > settings.stop_kmh),
            _singles(rows["battery_mv"], 1000),
        ),
        odometer_m=np.ascontiguousarray(rows["odometer_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()),
    )


def _level_pct(rows: pl.DataFrame) -> Any:
    return _singles(rows["level_pct"], 1)


def _purchases(asked: pl.DataFrame) -> Purchases:
    known = asked["latitude"].is_not_null() & asked["longitude"].is_not_null()
    return Purchases(
        time_us=_instants(asked["at_utc"]),
        timed=np.ascontiguousarray(asked["at_utc"].is_not_null().to_numpy().astype(np.bool_)),
        latitude_e7=e7(asked["latitude"]),
        longitude_e7=e7(asked["longitude"]),
        placed=np.ascontiguousarray(known.to_numpy().astype(np.bool_)),
        day_from_us=_instants(asked["day_from_utc"]),
        day_to_us=_instants(asked["day_to_utc"]),
        # A tenant without any van or position has an empty range.
        first_van=_whole(asked["first_van"], 0),
        end_van=_whole(asked["end_van"], 0),
        assigned=_whole(asked["van"], -1),
    )


def _rows(found: Presences, lines: pl.DataFrame, vans: pl.DataFrame) -> pl.DataFrame:
    measures = pl.DataFrame(found.measures, schema=dict.fromkeys(MEASURES, pl.Float64), orient="row").fill_nan(None)
    asked = lines[found.purchase].select("line_no", "candidate", assigned=pl.col("vehicle_id"))
    return pl.concat([asked, vans[found.van].select("vehicle_id"), measures], how="horizontal").select(
        "line_no",
        "vehicle_id",
        pl.col("candidate").cast(pl.Int32),
        (pl.col("assigned") == pl.col("vehicle_id")).fill_null(value=False).alias("is_assigned"),
        *(pl.col(name).cast(pl.Int32) if name in COUNTS else pl.col(name) for name in MEASURES[:-1]),
        pl.col("could_be_unseen").cast(pl.Boolean),
    )


def _instants(series: pl.Series) -> Any:
    return np.ascontiguousarray(series.dt.epoch("us").fill_null(0).to_numpy().astype(np.int64))


def _whole(series: pl.Series, without: int) -> Any:
    return np.ascontiguousarray(series.fill_null(without).to_numpy().astype(np.int64))


def _singles(series: pl.Series, divided_by: float) -> Any:
    values = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return np.ascontiguousarray((values / divided_by).astype(np.float32))
