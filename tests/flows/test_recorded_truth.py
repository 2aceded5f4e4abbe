"""Does a recorded day give, through the whole line, what its publisher counted?"""

from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

import ingest
from flows.refresh import refresh
from ingest.recorded import read_recording
from ingest.spool import Message
from tests.builders import collected, published, settings_in

pytestmark = pytest.mark.campaign

CHICAGO = Path(ingest.__file__).parent / "recordings" / "nrel_4115957_1_2007-04-09.parquet"
TRIPS = Path(__file__).parents[1] / "data" / "nrel_cmap" / "trip_metrics.parquet"
CHICAGO_ZONE = "America/Chicago"


def logged_off(messages: list[Message]) -> list[Message]:
    """Let the logger say one second after its last sample before each pause that it has no speed any more.

    The publisher counts samples, we measure from one to the next: like this every sample stands for one second.
    """
    bodies = [msgspec.json.decode(found.payload) for found in messages]
    times = sorted(point["ts"] for body in bodies for point in body["pts"])
    pauses = [earlier for earlier, later in zip(times, [*times[1:], None], strict=True) if later != earlier + 1]
    points = [{"ts": at_s + 1, "seq": 1_000_000 + number, "nofix": True} for number, at_s in enumerate(pauses)]
    payload = msgspec.json.encode(bodies[0] | {"pts": points})
    return [*messages, messages[-1]._replace(payload=payload)]


def seconds_within(runs: pl.DataFrame, state: str, started_utc: datetime, ended_utc: datetime) -> float:
    overlap = pl.min_horizontal("ended_utc", pl.lit(ended_utc)) - pl.max_horizontal("started_utc", pl.lit(started_utc))
    return runs.filter(state=state).select(overlap.clip(lower_bound=timedelta(0)).sum()).item().total_seconds()


def test_every_trip_of_a_recorded_day_has_the_published_zero_and_driving_seconds_in_the_ledger(tmp_path):
    any_movement = {"stop_kmh": 0, "move_kmh": 0.01, "gap_max_s": 3_600}
    settings = settings_in(tmp_path, max_age_days=0, timezone=CHICAGO_ZONE, **any_movement)
    sent = read_recording(CHICAGO, keep_time=True).messages
    messages = [Message(found.topic, found.payload, found.due_us, 1, False, None) for found in sent]
    collected(settings, logged_off(messages))
    refresh(settings)

    runs = published(settings, "from core.ledger")
    utc = pl.col("start_ts", "end_ts").dt.replace_time_zone(CHICAGO_ZONE).dt.convert_time_zone("UTC")
    is_of_the_day = (pl.col("vehicle") == "4115957_1") & (pl.col("start_ts").dt.date() == date(2007, 4, 9))
    trips = pl.read_parquet(TRIPS).filter(is_of_the_day).with_columns(utc.dt.replace_time_zone(None))
    assert trips.height == 5
    for trip in trips.iter_rows(named=True):
        span = trip["start_ts"], trip["end_ts"] + timedelta(seconds=1)
        assert seconds_within(runs, "parked", *span) == trip["zero_seconds"]
        assert seconds_within(runs, "drive", *span) == trip["driving_time_seconds"]
        assert seconds_within(runs, "unknown", *span) == round(trip["non_recorded_time_hrs"] * 3600, 6)
