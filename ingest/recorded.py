"""How does recorded data become the messages its vehicles would have sent?

A recording is recognised by its columns (`KINDS`) or, for `.jsonl`, holds native messages already
(`ingest.recorded_messages`). The rows of a device keep the order of the file, which stands for the order of
arrival; values are converted to our units and otherwise sent as they are, spikes and sentinels included, so
that the rules of the line are what judges them. Times move by whole days so that the last day is yesterday,
unless they are to be kept.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from ingest.outbox import Outgoing
from ingest.recorded_messages import UNDERSTOOD_LINES, read_messages
from ingest.recording import Recording, UnknownRecording, instant, whole_days_us

__all__ = ["Recording", "UnknownRecording", "read_recording"]

KMH_PER_MPH, KMH_PER_MPS = 1.609344, 3.6  # exact
CHICAGO = "America/Chicago"  # where both public recordings were made
CUT_AT_US = 60_000_000  # a message never holds points from both sides of a longer pause
DIGITS = 4  # of speeds after conversion; finer than any table keeps

encode = msgspec.json.Encoder().encode


class _Points(NamedTuple):
    """A recording in our units, rows in order of arrival.

    The columns are tenant_id, device_id, fix_us (Unix microseconds), and the keys of a native point.
    """

    rows: pl.DataFrame
    timezone: str
    points_per_message: int


class _Kind(NamedTuple):
    """A kind of table we understand: the columns that give it away, and how it is read."""

    note: str
    columns: tuple[str, ...]
    read: Callable[[pl.DataFrame, str], _Points]


def read_recording(
    path: Path,
    *,
    keep_time: bool = False,
    last_date: date | None = None,
    timezone: str = "America/New_York",
) -> Recording:
    """Read a recorded file as messages.

    The last local day of the recording becomes `last_date` (yesterday if not given); `timezone` is the zone
    of recordings that do not imply one. Raises UnknownRecording for a file that is none of those understood.
    """
    if path.suffix == ".jsonl":
        return read_messages(path, keep_time=keep_time, last_date=last_date, timezone=timezone)
    table = _table(path)
    kind = next((kind for kind in KINDS if set(kind.columns) <= set(table.columns)), None)
    if kind is None:
        raise _unknown(path, f"its columns are {', '.join(table.columns)}")
    points = kind.read(table, timezone)
    fixes = points.rows["fix_us"]
    if fixes.len() == fixes.null_count():
        raise _unknown(path, "it has no row with a time")
    first_us, last_us = int(fixes.min()), int(fixes.max())  # type: ignore[arg-type]
    shift_us = 0 if keep_time else whole_days_us(last_us, points.timezone, last_date)
    named = points.rows.drop_nulls(["tenant_id", "device_id"])
    nameless_count = points.rows.height - named.height
    messages = _messages(points._replace(rows=named), shift_us)
    note = kind.note + (f"; {nameless_count} rows name no device and cannot be sent" if nameless_count else "")
    return Recording(path.stem, messages, instant(first_us + shift_us), instant(last_us + shift_us), note)


def _table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            # Identifiers that look like numbers stay text.
            return pl.read_csv(path, infer_schema_length=None, schema_overrides={"device_id": pl.String})
    except pl.exceptions.PolarsError as error:
        raise _unknown(path, f"it cannot be read ({error})") from error
    raise _unknown(path, f"its name ends in {path.suffix or 'nothing'}")


def _unknown(path: Path, found: str) -> UnknownRecording:
    kinds = "\n".join(f"  {kind.note}: {', '.join(kind.columns)}" for kind in KINDS)
    return UnknownRecording(path, found, f"{UNDERSTOOD_LINES} Also .parquet or .csv files with these columns:\n{kinds}")


def _capital_metro(table: pl.DataFrame, _timezone: str) -> _Points:
    """Read bus positions of Austin. Speeds are m/s; in the files of 2015 miles an hour, which nothing says."""
    per_unit = pl.when(pl.col("file_day") < "2016").then(KMH_PER_MPH).otherwise(KMH_PER_MPS)
    rows = table.sort("file_day", "file_row").select(
        tenant_id=pl.lit("capmetro"),
        device_id="bus-" + pl.col("vehicle_id"),
        fix_us=pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us", strict=False).dt.epoch("us"),
        lat=pl.col("latitude"),
        lon=pl.col("longitude"),
        spd_kmh=(pl.col("speed") * per_unit).round(DIGITS),
        route_id=pl.col("route_id"),
    )
    return _Points(rows, CHICAGO, 1)


def _nrel(table: pl.DataFrame, _timezone: str) -> _Points:
    """Read one-second speeds of Chicago, published without coordinates; local times without an offset."""
    local = pl.col("timestamp_local").dt.replace_time_zone(CHICAGO, ambiguous="earliest", non_existent="null")
    rows = table.select(
        tenant_id=pl.lit("nrel"),
        device_id="nrel-" + pl.col("vehicle").str.replace_all("_", "-"),
        fix_us=local.dt.epoch("us"),
        nofix=pl.lit(value=True),
        spd_kmh=(pl.col("speed_mph") * KMH_PER_MPH).round(DIGITS),
    )
    return _Points(rows, CHICAGO, 60)


def _positions(table: pl.DataFrame, timezone: str) -> _Points:
    """Read what `lake.positions` shows; columns the native payload has no key for are left out."""
    fix = pl.col("fix_utc")
    if table.schema["fix_utc"] == pl.String:
        fix = fix.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    kept = {key: pl.col(column) for key, column in POSITION_KEYS.items() if column in table.columns}
    has_no_place = pl.col("latitude").is_null() | pl.col("longitude").is_null()
    rows = table.select(
        tenant_id=pl.col("tenant_id"),
        device_id=pl.col("device_id").cast(pl.String),
        fix_us=fix.dt.epoch("us"),
        nofix=pl.when(has_no_place).then(statement=True),
        **kept,
    )
    return _Points(rows, timezone, 60)


POSITION_KEYS = {
    "lat": "latitude",
    "lon": "longitude",
    "spd_kmh": "speed_kmh",
    "hdg_deg": "heading_deg",
    "alt_m": "altitude_m",
    "hdop": "hdop",
    "ign": "ignition",
    "rpm": "rpm",
    "odo_m": "odometer_m",
    "fuel_pct": "fuel_pct",
    "fuel_used_l": "fuel_used_l",
    "route_id": "route_id",
}
KINDS = (
    _Kind(
        "Capital Metro bus positions",
        ("file_day", "file_row", "vehicle_id", "timestamp", "speed", "route_id", "latitude", "longitude"),
        _capital_metro,
    ),
    _Kind("NREL one-second speeds", ("vehicle", "timestamp_local", "speed_mph"), _nrel),
    _Kind(
        "positions as in lake.positions",
        ("tenant_id", "device_id", "fix_utc", "latitude", "longitude"),
        _positions,
    ),
)


def _messages(points: _Points, shift_us: int) -> list[Outgoing]:
    """Number the points of each device in order of arrival and put them into messages.

    A device sends in the order of the file: a message is due when its newest point was measured, and never
    before an earlier message of the same device. A row without a time is sent without one; the line rejects
    it by name.
    """
    device = ["tenant_id", "device_id"]
    rows = points.rows.with_columns(
        pl.int_range(1, pl.len() + 1).over(device).alias("seq"),
        (pl.col("fix_us") + shift_us).cum_max().forward_fill().over(device).fill_null(shift_us).alias("due_us"),
        ((pl.col("fix_us") + shift_us) / 1e6).alias("ts"),
    )
    keys = ["ts", "seq", *(name for name in points.rows.columns if name not in (*device, "fix_us"))]
    messages = []
    for batch in _batches(rows.iter_rows(named=True), points.points_per_message):
        tenant_id, device_id, due_us = (batch[-1][name] for name in (*device, "due_us"))
        bodies = [{key: row[key] for key in keys if row[key] is not None} for row in batch]
        payload = encode({"v": 1, "dev": device_id, "boot": 1, "sent": due_us / 1e6, "pts": bodies})
        messages.append(Outgoing(due_us, f"tm/v1/{tenant_id}/{device_id}/pos", payload))
    return sorted(messages, key=lambda message: message.due_us)


def _batches(rows: Iterator[dict[str, Any]], limit: int) -> Iterator[Sequence[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        if batch and (
            len(batch) == limit
            or (row["tenant_id"], row["device_id"]) != (batch[-1]["tenant_id"], batch[-1]["device_id"])
            or row["due_us"] - batch[-1]["due_us"] > CUT_AT_US
        ):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
