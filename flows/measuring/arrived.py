"""What do new rows of the lake hold? The fast twin of the SQL that `warehouse.arrived` asks: straight from files.

Row groups come one at a time on two threads, in the columns that are asked for, and a kernel says of each in one pass
what its quarters of an hour hold. Memory is that of two row groups and of a row for each quarter of each device.
Files whose rows are not in the order of devices are left to SQL, and so are a few rows.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kernels.quarters import QUARTER_MS, SECOND_MS, Heard, Quarters, quarters_heard
from warehouse.arrived import Arrived, NewRows
from warehouse.row_groups import Decoded, Numbers, RowGroup, Texts, decoded, partition, row_groups

FAST_FROM_ROWS = 500_000  # of the dates that new rows are of: fewer are counted by SQL in half a second
THREADS = 2
ORDERLY_ROWS, FEW_RUNS = 8, 800  # in a large row group in order, a run has more rows than that
COUNTED = ("tenant_id", "device_id", "fix_ms", "segment_no", "received_us", "spool_id", "backlog", "flags")
LIVE = {
    "fix_ms": pl.Int64,
    "received_us": pl.Int64,
    "latitude_e7": pl.Int32,
    "longitude_e7": pl.Int32,
    "ignition": pl.Boolean,
    "battery_mv": pl.Int32,
    "charge_cpct": pl.Int16,
    "boot": pl.Int64,
    "seq": pl.Int64,
    "source_format": pl.String,
    "payload_hash": pl.Int64,
}
SENDER = ["tenant_id", "device_id"]


class _Found(NamedTuple):
    """What is known of one row group: its runs (`kernels.quarters`), and the newest live rows of its devices."""

    runs: pl.DataFrame
    newest: pl.DataFrame | None


def told_by_files(new: NewRows) -> Arrived | None:
    """Say what new rows hold, or None where SQL has to."""
    if not new.files or any("://" in path for path in new.all_files):
        return None
    dates = sorted({partition(path) for path in new.files})
    of_dates = [path for path in new.all_files if partition(path) in dates]
    groups = row_groups(of_dates, dates[0], dates[-1])
    if sum(group.row_count for group in groups) < FAST_FROM_ROWS:
        return None
    files = set(new.files)
    fresh = [group for group in groups if group.path in files]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="hearing") as pool:
        found = list(pool.map(lambda group: _heard(group, new.reached, with_newest=True), fresh))
        runs = _all_runs(found)
        if runs is None:
            return None
        touched = runs.filter("is_new").select("fix_date", *SENDER).unique()
        senders = {
            fix_date: sorted(of_date.select(SENDER).iter_rows())
            for (fix_date,), of_date in touched.partition_by("fix_date", as_dict=True).items()
        }
        others = [
            group
            for group in groups
            if group.path not in files and _may_hold(group, senders.get(partition(group.path), []))
        ]
        more = list(pool.map(lambda group: _heard(group, new.reached, with_newest=False), others))
    counted = _all_runs([*found, *more])
    if counted is None:
        return None
    newest = pl.concat([part.newest for part in found if part is not None and part.newest is not None])
    return Arrived(
        _new_quarters(runs),
        newest.filter(pl.col("fix_ms") == pl.col("fix_ms").max().over(SENDER)),
        _date_quarters(counted.join(touched, on=["fix_date", *SENDER], how="semi")),
    )


def _may_hold(group: RowGroup, senders: Sequence[tuple[str, str]]) -> bool:
    """Whether a row group may hold rows of any of some devices, which are sorted."""
    least, greatest = group.senders
    first = bisect_left(senders, least)
    return first < len(senders) and senders[first] <= greatest


def _heard(group: RowGroup, reached: Mapping[str, int], *, with_newest: bool) -> _Found | None:
    """What one row group holds; None where its rows are out of order."""
    asked = (*COUNTED, *(name for name in LIVE if name not in COUNTED)) if with_newest else COUNTED
    columns = decoded(group, asked)
    tenants, devices, spools = (_texts(columns[name]) for name in ("tenant_id", "device_id", "spool_id"))
    flags = columns["flags"]
    thinned = [] if flags is None else [code for code, name in enumerate(_texts(flags).names) if name == "thinned"]
    heard = Heard(
        tenants.codes * len(devices.names) + devices.codes,
        spools.codes,
        _numbers(columns["fix_ms"]),
        _numbers(columns["segment_no"]),
        _numbers(columns["received_us"]),
        _numbers(columns["backlog"]) == 0 if columns["backlog"] is not None else np.ones(group.row_count, np.bool_),
        np.isin(_texts(flags).codes, thinned, invert=True) if thinned else np.ones(group.row_count, np.bool_),
    )
    runs = quarters_heard(heard, np.array([reached.get(name, -1) for name in spools.names], np.int64))
    if runs.cell.size > max(group.row_count // ORDERLY_ROWS, FEW_RUNS):
        return None
    first_ms = heard.fix_ms[runs.first_row]
    frame = pl.DataFrame(
        {
            **_senders(tenants, devices, runs.first_row),
            "fix_date": pl.repeat(partition(group.path), runs.cell.size, dtype=pl.Date, eager=True),
            "spool_id": _named(spools, runs.first_row),
            "quarter": first_ms // QUARTER_MS,
            "is_whole": heard.is_whole[runs.first_row],
            "first_ms": first_ms,
            "newest_live_ms": pl.Series(heard.fix_ms[runs.newest_row]).set(pl.Series(runs.newest_row < 0), None),
            **{name: value for name, value in runs._asdict().items() if name not in ("first_row", "newest_row")},
        }
    ).with_columns(pl.col("is_new").cast(pl.Boolean))
    if not with_newest:
        return _Found(frame, None)
    rows = _newest_rows(heard, runs)
    newest = {name: _taken(columns[name], rows, kind) for name, kind in LIVE.items()}
    return _Found(frame, pl.DataFrame({**_senders(tenants, devices, rows), **newest}))


def _newest_rows(heard: Heard, runs: Quarters) -> NDArray[np.int64]:
    """The new rows of each device that are of its newest live fix here; all rows of that instant."""
    has_live = (runs.is_new == 1) & (runs.newest_row >= 0)
    rows, ends = runs.newest_row[has_live], (runs.first_row + runs.position_count)[has_live]
    senders, times = heard.sender[rows], heard.fix_ms[rows]
    newest_ms = np.zeros(int(senders.max(initial=0)) + 1, np.int64)
    np.maximum.at(newest_ms, senders, times)
    is_newest = times == newest_ms[senders]
    found = [
        row
        for begin, end in zip(rows[is_newest].tolist(), ends[is_newest].tolist(), strict=True)
        for row in range(begin, begin + int(np.searchsorted(heard.fix_ms[begin:end], heard.fix_ms[begin], "right")))
        if heard.is_live[row]
    ]
    return np.array(found, np.int64)


def _all_runs(found: Sequence[_Found | None]) -> pl.DataFrame | None:
    """The runs of all row groups, with the number of each; None where one is out of order."""
    parts = [part.runs for part in found if part is not None]
    if len(parts) < len(found):
        return None
    return pl.concat([runs.with_columns(pl.lit(number).alias("group")) for number, runs in enumerate(parts)])


def _new_quarters(runs: pl.DataFrame) -> pl.DataFrame:
    least, greatest = ("first_ms", "first_segment_no", "first_received_us"), ("last_ms", "last_segment_no")
    return (
        runs.filter("is_new")
        .group_by(*SENDER, "fix_date", "spool_id", "quarter", "is_whole")
        .agg(pl.col(least).min(), pl.col(*greatest, "last_received_us", "newest_live_ms").max())
    )


def _date_quarters(runs: pl.DataFrame) -> pl.DataFrame:
    """Counts of quarters; those whose cells share seconds are in question."""
    key = [*SENDER, "fix_date", "quarter"]
    counts = ("position_count", "backlog_count", "second_count")
    cells = runs.group_by(*key, "group", "cell").agg(
        pl.col("first_ms").min(), pl.col("last_ms").max(), pl.col(counts).sum()
    )
    begins = pl.col("first_ms") // SECOND_MS
    shares = (begins.shift(-1) <= pl.col("last_ms") // SECOND_MS).any()
    return (
        cells.sort("first_ms")
        .group_by(key)
        .agg(pl.col(counts).sum(), shares.alias("shares"))
        .with_columns(pl.when("shares").then(0).otherwise("second_count").alias("second_count"))
        .drop("shares")
    )


def _texts(column: Decoded) -> Texts:
    assert isinstance(column, Texts)
    return column


def _numbers(column: Decoded) -> NDArray[np.int64]:
    assert isinstance(column, Numbers)
    values: NDArray[np.int64] = column.values
    return values


def _named(texts: Texts, rows: NDArray[np.int64]) -> pl.Series:
    codes = pl.Series(texts.codes[rows])
    return pl.Series(texts.names, dtype=pl.String).gather(codes.set(codes < 0, None))


def _senders(tenants: Texts, devices: Texts, rows: NDArray[np.int64]) -> dict[str, pl.Series]:
    return {"tenant_id": _named(tenants, rows), "device_id": _named(devices, rows)}


def _taken(column: Decoded, rows: NDArray[np.int64], kind: type[pl.DataType]) -> pl.Series:
    if column is None:
        return pl.repeat(None, rows.size, dtype=kind, eager=True)
    if isinstance(column, Texts):
        return _named(column, rows)
    values = pl.Series(column.values[rows]).cast(kind)
    return values if column.known is None else values.set(pl.Series(~column.known[rows]), None)
