"""What did the peers give when we measured them?

`peers.csv` holds rows of `odograph bench stops --out`, measured where the peers were installed. Points do not depend
on the machine; seconds do, so our own of the same run stand beside them.
"""

from datetime import date
from importlib.resources import as_file, files
from typing import NamedTuple

import polars as pl

from flows.bench.stops.methods import Result
from flows.bench.stops.scores import Counts

FILE = "peers.csv"
COUNT_COLUMNS = [f"{part}_{name}" for part in ("held_out", "all") for name in Counts._fields]


class Measured(NamedTuple):
    """A result, by which package it was given and when; `seconds_ratio` is against our own tuned method then."""

    result: Result
    package: str
    version: str
    measured_date: date
    seconds_ratio: float


def recorded_peers() -> list[Measured]:
    """Read what the peers gave."""
    with as_file(files("flows.bench.stops") / FILE) as path:
        rows = pl.read_csv(path, try_parse_dates=True)
    return [
        Measured(
            Result(
                row["method"],
                row["settings"],
                row["setting_count"],
                Counts(*(row[name] for name in COUNT_COLUMNS[:4])),
                Counts(*(row[name] for name in COUNT_COLUMNS[4:])),
                row["seconds"],
            ),
            row["package"],
            row["version"],
            row["measured_date"],
            row["seconds_ratio"],
        )
        for row in rows.iter_rows(named=True)
    ]


def as_frame(measured: list[Measured]) -> pl.DataFrame:
    """Lay results out as `recorded_peers` reads them."""
    rows = [
        (
            one.result.name,
            one.package,
            one.version,
            one.measured_date,
            one.result.settings,
            one.result.setting_count,
            *one.result.held_out,
            *one.result.all,
            one.result.seconds,
            one.seconds_ratio,
        )
        for one in measured
    ]
    columns = ["method", "package", "version", "measured_date", "settings", "setting_count"]
    return pl.DataFrame(rows, [*columns, *COUNT_COLUMNS, "seconds", "seconds_ratio"], orient="row")
