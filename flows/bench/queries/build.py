"""The fleet as files: points as Parquet, one file a date, and the rest through our models into a published copy."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from flows.bench.queries.fleet import (
    FIRST_DAY,
    PHASES,
    RUNS,
    STATES,
    TANK_L,
    Points,
    Van,
    VanDays,
    fleet,
    points_of,
    van_days,
)
from flows.opening import lake_tables
from flows.refresh import publish_copy
from flows.settings import Settings
from warehouse.connection import open_warehouse, sql, transaction, writer_lock
from warehouse.lake import attach_lake
from warehouse.models import prepare_models

SEED = 7
MARTS = ("vehicle_days", "route_days", "status_days", "fleet_days")  # what the questions read, in order
CHUNK_VANS = 400
PHASE_OF_RUN = np.array([0, 1, *[2] * (RUNS - 4), 3, 4], dtype=np.int64)  # of each run of a day, index into PHASES


class Built(NamedTuple):
    """Where it lies, and how much of it there is."""

    points: Path
    vehicles: Path
    published: Path
    vans: int
    days: int
    point_count: int
    run_count: int
    points_mb: float
    published_mb: float

    @property
    def last_day(self) -> date:
        """The last service date."""
        return FIRST_DAY + timedelta(days=self.days - 1)


def build(folder: Path, vans: int, days: int, tell: Callable[[int, int], None]) -> Built:
    """Make the fleet up and write it; `tell` hears how many dates are done."""
    settings = Settings(_env_file=None, data_dir=folder / "data")  # type: ignore[call-arg]
    points, vehicles = folder / "points", folder / "vehicles.parquet"
    points.mkdir(parents=True)
    there = fleet(vans)
    pl.DataFrame(there).write_parquet(vehicles)
    point_count = 0
    with writer_lock(settings.lock_path, wait_s=1):
        with open_warehouse(settings.warehouse_path) as warehouse:
            prepare_models(warehouse)
            attach_lake(warehouse, lake_tables(settings), settings.timezone)
            _insert(warehouse, "core.vehicles", _vehicles(there))
            for number in range(days):
                lived = van_days(there, number, SEED)
                point_count += _write_points(points / f"{lived.day}.parquet", there, lived)
                with transaction(warehouse):
                    for table, frame in _core_rows(there, lived).items():
                        _insert(warehouse, table, frame)
                    for name in MARTS:
                        warehouse.execute(
                            f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}", {"day": lived.day}
                        )
                tell(number + 1, days)
        publish_copy(settings)
    published = settings.published_path.resolve()
    return Built(
        points=points,
        vehicles=vehicles,
        published=published,
        vans=vans,
        days=days,
        point_count=point_count,
        run_count=vans * days * RUNS,
        points_mb=sum(path.stat().st_size for path in points.iterdir()) / 1e6,
        published_mb=published.stat().st_size / 1e6,
    )


def _insert(warehouse: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    assert rows.height
    warehouse.execute(f"insert into {table} by name select * from rows")


def _vehicles(vans: list[Van]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "tenant_id": [van.tenant_id for van in vans],
            "vehicle_id": [van.vehicle_id for van in vans],
            "fuel_type": "gasoline",
            "tank_l": TANK_L,
            "package_capacity": [van.package_capacity for van in vans],
            "status": "active",
            "extra": [f'{{"rated_l_per_100km": "{van.rated_l_per_100km}"}}' for van in vans],
        }
    )


def _core_rows(vans: list[Van], lived: VanDays) -> dict[str, pl.DataFrame]:
    names = pl.DataFrame({"tenant_id": [van.tenant_id for van in vans], "vehicle_id": [van.vehicle_id for van in vans]})
    names = names.with_columns(pl.lit(lived.day).alias("service_date"))
    routes = names.with_columns(pl.format("R{}", pl.col("vehicle_id").str.slice(1)).alias("route_id"))
    exit_utc, first_utc, last_utc, return_utc = (
        _instants(name, lived.started_us[:, column])
        for name, column in (
            ("depot_exit_utc", 1),
            ("first_stop_utc", 2),
            ("last_stop_utc", RUNS - 2),
            ("depot_return_utc", RUNS - 1),
        )
    )
    ends = [
        _instants("first_fix_utc", lived.started_us[:, 0]),
        _instants("last_fix_utc", lived.ended_us[:, -1]),
        _instants("last_placed_utc", lived.ended_us[:, -1]),
        pl.Series("last_latitude", lived.latitude[:, -1]),
        pl.Series("last_longitude", lived.longitude[:, -1]),
    ]
    return {
        "core.ledger": _ledger(routes, lived),
        "core.vehicle_dates": names.with_columns(
            *ends,
            pl.Series("distance_m", lived.metres.sum(axis=1)),
            pl.Series("fuel_used_l", lived.litres),
            pl.Series("fuel_distance_m", lived.metres.sum(axis=1)),
            pl.Series("level_first_pct", lived.level_pct[:, 0]),
            pl.Series("level_last_pct", lived.level_pct[:, 1]),
            _instants("level_last_utc", lived.ended_us[:, -1]),
            timezone=pl.lit("America/New_York"),
            distance_source=pl.lit("odometer"),
            quality_flags=pl.lit([], pl.List(pl.String)),
            **{name: pl.lit(0) for name in _COUNTS},
        ),
        "core.planned_routes": routes.with_columns(
            exit_utc.alias("planned_exit_utc"),
            return_utc.alias("planned_return_utc"),
            pl.Series("planned_package_count", lived.packages),
            depot_id=pl.lit("D1"),
            role=pl.lit("primary"),
        ),
        "core.route_phases": routes.with_columns(
            exit_utc,
            first_utc,
            last_utc,
            return_utc,
            is_planned=pl.lit(value=True),
            served_stop_count=pl.lit(RUNS // 2),
            quality_flags=pl.lit([], pl.List(pl.String)),
        ),
    }


_COUNTS = (
    *("received_count", "accepted_count", "duplicate_count", "conflict_count"),
    *("low_quality_count", "jump_count"),
)


def _ledger(routes: pl.DataFrame, lived: VanDays) -> pl.DataFrame:
    return routes.select(pl.all().repeat_by(RUNS).explode()).with_columns(
        _instants("started_utc", lived.started_us.ravel()),
        _instants("ended_utc", lived.ended_us.ravel()),
        pl.Series("duration_us", (lived.ended_us - lived.started_us).ravel()),
        pl.Series("state", np.array(STATES, dtype=object)[lived.state.ravel()].tolist()),
        pl.Series("phase", np.array(PHASES, dtype=object)[np.tile(PHASE_OF_RUN, len(lived.packages))].tolist()),
        pl.Series("distance_m", lived.metres.ravel()),
        pl.Series("latitude", lived.latitude[:, :-1].ravel()),
        pl.Series("longitude", lived.longitude[:, :-1].ravel()),
        context=pl.lit("other"),
        is_continued=pl.lit(value=False),
        is_pto=pl.lit(value=False),
        is_full_quality=pl.lit(value=True),
        jurisdictions=pl.lit([], pl.List(pl.String)),
    )


def _instants(name: str, time_us: np.ndarray) -> pl.Series:
    return pl.Series(name, time_us).cast(pl.Datetime("us"))


def _write_points(path: Path, vans: list[Van], lived: VanDays) -> int:
    written, writer = 0, None
    for first in range(0, len(vans), CHUNK_VANS):
        table = _point_table(vans, points_of(lived, first, min(first + CHUNK_VANS, len(vans)), SEED))
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table, row_group_size=250_000)
        written += table.num_rows
    assert writer is not None
    writer.close()
    return written


def _point_table(vans: list[Van], points: Points) -> pa.Table:
    tenants = sorted({van.tenant_id for van in vans})
    tenant_of = np.array([tenants.index(van.tenant_id) for van in vans], dtype=np.int32)
    return pa.table(
        {
            "tenant_id": pa.DictionaryArray.from_arrays(tenant_of[points.van], tenants),
            "vehicle_id": pa.DictionaryArray.from_arrays(points.van.astype(np.int32), [van.vehicle_id for van in vans]),
            "at_utc": pa.array(points.at_us, pa.timestamp("us")),
            "latitude": points.latitude,
            "longitude": points.longitude,
            "speed_kmh": points.kmh.astype(np.float32),
            "ignition": points.ignition,
            "fuel_pct": points.fuel_pct.astype(np.float32),
            "fuel_l_per_100km": points.fuel_l_per_100km.astype(np.float32),
            "packages": points.packages.astype(np.int16),
            "status": np.zeros(points.van.size, dtype=np.int8),
        }
    )
