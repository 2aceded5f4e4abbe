"""What really happened in a simulation, as files that the measured tables can be compared with?

    states.parquet     what each van did, without holes, from the first to the last fix sent on each day
    handoffs.parquet   where and when something was handed over; one parking for several stops counts once
    breaks.parquet     the same of lunch
    faults.parquet     fuel records that are wrong on purpose; one fault may be of several records
    consequences.parquet  what else may rightly be flagged because of them
    decoys.parquet     fuel records that look wrong and are not

A night is in no state: the tracker sleeps, and nothing measured covers it either.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from polars.datatypes import DataType, DataTypeClass

from ingest.simulation.city import degrees
from ingest.simulation.day import Day, Stand
from ingest.simulation.fleet import Van
from ingest.simulation.paperwork import Fault

Columns = dict[str, DataType | DataTypeClass]
INSTANT = pl.Datetime("us", "UTC")
IDENTITY: Columns = {"tenant_id": pl.String, "vehicle_id": pl.String}
STATES: Columns = {**IDENTITY, "started_utc": INSTANT, "ended_utc": INSTANT, "state": pl.String}
STANDS: Columns = {
    **IDENTITY,
    "arrived_utc": INSTANT,
    "departed_utc": INSTANT,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "engine_on": pl.Boolean,
}
FAULTS: Columns = {
    **IDENTITY,
    "provider": pl.String,
    "provider_txn_id": pl.String,
    "purchased_utc": INSTANT,
    "rule_id": pl.String,
    "description": pl.String,
    "item_no": pl.Int32,
    "case_name": pl.String,
    "fault_no": pl.Int32,
}


class DayTruth(NamedTuple):
    """One finished day of one van; fixes are on the day's own clock, the clock in Unix seconds."""

    van: Van
    day: Day
    clock_s: float
    first_fix_ms: int
    last_fix_ms: int
    odometer_m: float  # in the morning


def states_frame(days: list[DayTruth], tenant: str) -> pl.DataFrame:
    """Cover each van's day from its first to its last fix with what it did."""
    rows: list[tuple[object, ...]] = []
    for truth in days:
        stretches = truth.day.journey.states()
        ends = [start for start, _ in stretches[1:]] + [truth.last_fix_ms]
        for (start, state), end in zip(stretches, ends, strict=True):
            first, last = max(start, truth.first_fix_ms), min(end, truth.last_fix_ms)
            if first < last:
                clock_ms = round(truth.clock_s * 1000)
                instants = [(clock_ms + time_ms) * 1000 for time_ms in (first, last)]
                rows.append((tenant, truth.van.vehicle_id, *instants, state))
    return _frame(rows, STATES, "started_utc")


def hand_offs_frame(days: list[DayTruth], tenant: str) -> pl.DataFrame:
    """List the hand-offs of each van."""
    return _stands_frame([(truth, truth.day.hand_offs) for truth in days], tenant)


def breaks_frame(days: list[DayTruth], tenant: str) -> pl.DataFrame:
    """List where and when each driver had lunch."""
    return _stands_frame([(truth, [truth.day.lunch]) for truth in days], tenant)


def _stands_frame(days: list[tuple[DayTruth, list[Stand]]], tenant: str) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = []
    for truth, stands in days:
        x_m, y_m = (np.array(axis) for axis in zip(*((stand.x_m, stand.y_m) for stand in stands), strict=True))
        latitude, longitude = degrees(truth.van.depot, x_m, y_m)
        for stand, north, east in zip(stands, latitude.tolist(), longitude.tolist(), strict=True):
            instants = [round((truth.clock_s + time_s) * 1000) * 1000 for time_s in (stand.arrived_s, stand.departed_s)]
            rows.append((tenant, truth.van.vehicle_id, *instants, north, east, stand.engine_on))
    return _frame(rows, STANDS, "arrived_utc")


def write_truth(
    folder: Path,
    days: list[DayTruth],
    faults: list[Fault],
    tenant: str,
    *,
    consequences: list[Fault],
    decoys: list[Fault],
) -> None:
    """Write the six files into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    states_frame(days, tenant).write_parquet(folder / "states.parquet")
    hand_offs_frame(days, tenant).write_parquet(folder / "handoffs.parquet")
    breaks_frame(days, tenant).write_parquet(folder / "breaks.parquet")
    for name, rows in (("faults", faults), ("consequences", consequences), ("decoys", decoys)):
        pl.DataFrame(rows, schema=FAULTS, orient="row").write_parquet(folder / f"{name}.parquet")


def _frame(rows: list[tuple[object, ...]], columns: Columns, instant: str) -> pl.DataFrame:
    """Build a table; instants come as whole microseconds: exact, and quicker than datetime objects."""
    numbers: Columns = {name: pl.Int64 if kind == INSTANT else kind for name, kind in columns.items()}
    frame = pl.DataFrame(rows, schema=numbers, orient="row").cast(columns)  # type: ignore[arg-type]
    return frame.sort("vehicle_id", instant, maintain_order=True)
