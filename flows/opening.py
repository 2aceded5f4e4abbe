"""How does the line open its warehouse?"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import duckdb
import polars as pl

from flows.privacy.holding import take_holds
from flows.settings import Settings
from ingest.columns import LAKE_TABLES
from ingest.lake import Lake, lake_files
from warehouse.connection import open_warehouse
from warehouse.lake import LakeTableFiles, attach_lake
from warehouse.models import add_device_status, choose_co2_factors, prepare_models


class Opened(NamedTuple):
    """The warehouse, ready for models, and the version of the lake that its views see."""

    warehouse: duckdb.DuckDBPyConnection
    lake: dict[str, LakeTableFiles]


def lake_tables(settings: Settings, lake: Lake | None = None) -> dict[str, LakeTableFiles]:
    """What the warehouse needs to know to see the newest version of the lake; `lake` is that version, if it is open."""
    newest = lake_files(settings, lake)
    return {
        table.name: LakeTableFiles(*newest[table.name], table.partition_by, pl.DataFrame(table.schema.empty_table()))
        for table in LAKE_TABLES
    }


Opening = Callable[[], duckdb.DuckDBPyConnection]  # waits for a warehouse that is being opened


@contextmanager
def opened_beside(settings: Settings) -> Iterator[Opening]:
    """Open the warehouse on a thread, for `opened_line`, while the block does what does not need it; closed at the end.

    What goes wrong is raised where it is waited for. Nobody else opens the warehouse in the block: two who make its
    tables at a time would be in each other's way.
    """
    with ExitStack() as opened, ThreadPoolExecutor(1) as beside:
        yield beside.submit(opened.enter_context, _opened(settings)).result


@contextmanager
def opened_line(
    settings: Settings,
    opened: Opened | None = None,
    lake: Lake | None = None,
    opening: Opening | None = None,
) -> Iterator[Opened]:
    """The warehouse over the newest version of the lake, for whoever holds the lock; one that is open is used as it is.

    To open it, make the views and close it costs a tenth of a second: a quarter of a small refresh, when each stage
    did so for itself (2026-11).
    """
    if opened is not None:
        yield opened
        return
    tables = lake_tables(settings, lake)
    with ExitStack() as mine:
        warehouse = mine.enter_context(_opened(settings)) if opening is None else opening()
        attach_lake(warehouse, tables, settings.timezone)
        add_device_status(warehouse)
        yield Opened(warehouse, tables)


@contextmanager
def _opened(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings.warehouse_path, memory_mib=settings.memory_mib) as warehouse:
        prepare_models(warehouse)
        take_holds(warehouse, settings)
        choose_co2_factors(warehouse, settings.co2_factors)
        yield warehouse
