"""A network day in the lake: files as upkeep leaves them, a registry, and devices assigned to vans."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, Transaction
from deltalake.transaction import AddAction, RemoveAction

from flows.bench.line.fleet import POINTS, SPOOL, Van, points_of, van
from flows.opening import lake_tables
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.compaction import arrow_properties
from ingest.lake import ROW_GROUP_ROWS, opened_table
from warehouse.connection import open_warehouse, writer_lock
from warehouse.lake import attach_lake
from warehouse.models import prepare_models

MADE_VANS = 280  # lives that are made up; further vans live them again, under names of their own
FILE_VANS = 140


class Built(NamedTuple):
    """What lies in the lake; bytes of all files, and of the columns with time, place, speed and ignition."""

    vans: int
    points: int
    file_bytes: int
    core_bytes: int


CORE_COLUMNS = ("fix_ms", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition")


def build(settings: Settings, vans: int, tell: Callable[[int, int], None]) -> Built:
    """Write the day of so many vans."""
    with writer_lock(settings.lock_path, wait_s=1):
        handle = opened_table(POSITIONS, settings)
        firsts = range(0, vans, FILE_VANS)
        lives = [
            points_of(first, min(first + FILE_VANS, MADE_VANS, vans))
            for first in range(0, min(vans, MADE_VANS), FILE_VANS)
        ]
        actions: list[AddAction | RemoveAction] = []
        file_bytes, core_bytes = 0, 0

        def write(first: int) -> tuple[list[AddAction], int]:
            end = min(first + FILE_VANS, vans)
            rows = lives[first // FILE_VANS % len(lives)].slice(0, (end - first) * POINTS)
            return _written(
                Path(settings.lake_root) / POSITIONS.name, rows, [van(number) for number in range(first, end)]
            )

        with ThreadPoolExecutor(2) as pool:
            for done, (added, size) in enumerate(pool.map(write, firsts)):
                actions += added
                file_bytes += sum(action.size for action in added)
                core_bytes += size
                tell(done + 1, len(firsts))
        handle.create_write_transaction(
            actions,
            "append",
            handle.schema(),
            [POSITIONS.partition_by],
            commit_properties=CommitProperties(app_transactions=[Transaction(SPOOL, 10**6)]),
        )
        register(settings, [van(number) for number in range(vans)])
    return Built(vans, vans * POINTS, file_bytes, core_bytes)


def register(settings: Settings, there: list[Van]) -> None:
    """Enter vans, their depots and what carries their devices."""
    tenants = sorted({found.tenant_id for found in there})
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        frames = {
            "vehicles": pl.DataFrame(
                {
                    "tenant_id": [found.tenant_id for found in there],
                    "vehicle_id": [found.vehicle_id for found in there],
                    "fuel_type": "gasoline",
                    "tank_l": 80.0,
                    "status": "active",
                }
            ),
            "depots": pl.DataFrame(
                {
                    "tenant_id": tenants,
                    "depot_id": "D1",
                    "timezone": "America/New_York",
                    "latitude": 40.0,
                    "longitude": -75.0,
                }
            ),
            "assignments": pl.concat([_assigned(there, "device"), _assigned(there, "depot")]),
        }
        for name, rows in frames.items():
            assert rows.height
            warehouse.execute(f"insert into core.{name} by name select * from rows")


def _assigned(there: list[Van], kind: str) -> pl.DataFrame:
    ids = [found.device_id if kind == "device" else "D1" for found in there]
    vans = [found.vehicle_id for found in there]
    return pl.DataFrame(
        {
            "tenant_id": [found.tenant_id for found in there],
            "kind": kind,
            "id": ids,
            "vehicle_id": vans,
            "subject_id": ids if kind == "device" else vans,
        }
    ).with_columns(
        pl.lit("2020-01-01").str.to_datetime().alias("from_utc"), pl.lit("9999-12-31").str.to_datetime().alias("to_utc")
    )


def _written(folder: Path, rows: pa.Table, vans: list[Van]) -> tuple[list[AddAction], int]:
    """Files with these rows, whose vans get these names; one for each UTC date."""
    rows = _renamed(rows, vans)
    actions, core_bytes = [], 0
    for fix_date in pc.unique(rows["fix_date"]):
        name = f"{POSITIONS.partition_by}={fix_date}/part-{vans[0].device_id}.parquet"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        of_date = rows.filter(pc.equal(rows["fix_date"], fix_date)).drop_columns([POSITIONS.partition_by])
        # As compaction does.
        schema = pa.schema([field.with_nullable(of_date[field.name].null_count > 0) for field in of_date.schema])
        pq.write_table(
            of_date.cast(schema),
            path,
            row_group_size=ROW_GROUP_ROWS,
            store_schema=False,
            **arrow_properties(POSITIONS),
        )
        stats = f'{{"numRecords": {of_date.num_rows}}}'
        size = path.stat().st_size
        actions.append(AddAction(name, size, {POSITIONS.partition_by: str(fix_date)}, 0, True, stats))
        core_bytes += _bytes_of(path)
    return actions, core_bytes


def _renamed(rows: pa.Table, vans: list[Van]) -> pa.Table:
    of_van = pa.array(np.repeat(np.arange(len(vans), dtype=np.int32), POINTS))
    for column in ("tenant_id", "device_id"):
        names = pa.array([getattr(found, column) for found in vans]).dictionary_encode()
        rows = rows.set_column(rows.column_names.index(column), column, names.take(of_van))
    return rows


def _bytes_of(path: Path) -> int:
    metadata = pq.read_metadata(path)
    columns = [
        metadata.row_group(group).column(index)
        for group in range(metadata.num_row_groups)
        for index in range(metadata.num_columns)
    ]
    return sum(column.total_compressed_size for column in columns if column.path_in_schema in CORE_COLUMNS)
