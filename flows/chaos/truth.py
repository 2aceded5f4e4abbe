"""What was sent in a campaign, and what must have come of it? Read from the files that publishers wrote.

How long a van was in which state is worked out here once more, plainly: the time from one point to the next is in the
state of the first, and unknown where more than five minutes passed with the engine on.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from flows.chaos.promises import Sent
from flows.chaos.publisher import read_line
from ingest.outbox import Outgoing

ZONE = "America/New_York"  # of vans whose depot is not known
DAY_BEGINS_H = 4
GAP_S = 300
POINTS = {"tenant_id": pl.String, "device_id": pl.String, "seq": pl.Int64, "fix_us": pl.Int64, "state": pl.String}
PURCHASES = {"tenant_id": pl.String, "provider_txn_id": pl.String}


def sent_messages(folder: Path, tenants: Sequence[str]) -> Iterator[Outgoing]:
    """Every message that was sent, each once, tenant after tenant in the order of sending."""
    for tenant in tenants:
        with (folder / f"sent-{tenant}.tsv").open("rb") as lines:
            yield from map(read_line, lines)


def read_sent(folder: Path, tenants: Sequence[str]) -> Sent:
    """All that publishers wrote down."""
    points, purchases, messages = [], [], 0
    for outgoing in sent_messages(folder, tenants):
        messages += 1
        _, _, tenant, device, kind = outgoing.topic.split("/")
        body = json.loads(outgoing.payload)
        if kind == "txn":
            purchases.append((tenant, body["provider_txn_id"]))
        else:
            points += [(tenant, device, at["seq"], round(at["ts"] * 1e6), _state(at)) for at in body["pts"]]
    confirmed = [folder / f"confirmed-{tenant}" for tenant in tenants]
    trespassed = [folder / f"trespassed-{tenant}" for tenant in tenants]
    return Sent(
        pl.DataFrame(points, schema=POINTS, orient="row"),
        pl.DataFrame(purchases, schema=PURCHASES, orient="row"),
        messages,
        sum(int(path.read_text()) for path in confirmed if path.exists()),
        sum(len(path.read_bytes().splitlines()) for path in trespassed if path.exists()),
    )


def _state(at: dict[str, float]) -> str:
    if not at["ign"]:
        return "off"
    return "drive" if at["spd_kmh"] else "idle"


def time_in_states(points: pl.DataFrame) -> pl.DataFrame:
    """tenant_id, vehicle_id, service_date, state, spent_us: how long each van was in which state, by what was sent."""
    local = pl.from_epoch("fix_us", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)
    of_van = ["tenant_id", "device_id", "service_date"]
    steps = (
        points.with_columns(
            (local.dt.replace_time_zone(None) - timedelta(hours=DAY_BEGINS_H)).dt.date().alias("service_date")
        )
        .sort(*of_van, "fix_us")
        .with_columns((pl.col("fix_us").shift(-1) - pl.col("fix_us")).over(of_van).alias("spent_us"))
        .drop_nulls("spent_us")
    )
    is_silent = (pl.col("spent_us") > GAP_S * 1_000_000) & (pl.col("state") != "off")
    return (
        steps.with_columns(pl.when(is_silent).then(pl.lit("unknown")).otherwise("state").alias("state"))
        .group_by(*of_van, "state")
        .agg(pl.col("spent_us").sum())
        .rename({"device_id": "vehicle_id"})
    )


def silence_count(points: pl.DataFrame) -> int:
    """How often a van was silent for longer than five minutes with its engine on."""
    steps = points.sort("tenant_id", "device_id", "fix_us").with_columns(
        (pl.col("fix_us").shift(-1) - pl.col("fix_us")).over("tenant_id", "device_id").alias("spent_us")
    )
    return steps.filter((pl.col("spent_us") > GAP_S * 1_000_000) & (pl.col("state") != "off")).height
