"""Which parts of a refresh need kernels? They are loaded when there is something to measure.

To load them is a third of a second and more than half of a refresh that finds nothing new.
"""

from datetime import date
from threading import Thread
from typing import TYPE_CHECKING

import polars as pl

from warehouse.arrived import Arrived, NewRows
from warehouse.work import VehicleDate

if TYPE_CHECKING:
    from flows.measuring.partitions import Given


def load_beside() -> None:
    """Load them on a thread, while messages are decoded and queries find what there is to measure."""
    Thread(target=_load).start()


def told_by_files(new: NewRows) -> Arrived | None:
    """What `flows.measuring.arrived` tells of new rows."""
    from flows.measuring.arrived import told_by_files

    return told_by_files(new)


def given_of(day: date, vehicle_dates: list[VehicleDate], stations: pl.DataFrame, vertices: pl.DataFrame) -> "Given":
    """What is measured of one service date, and beside what."""
    from flows.measuring.areas import named_areas
    from flows.measuring.partitions import Given

    return Given(day, vehicle_dates, stations, named_areas(vertices))


def _load() -> None:
    import flows.fuel.presence
    import flows.measuring.partitions  # noqa: F401  # that they are loaded is all
    from kernels.compiled import load_kept

    load_kept()
