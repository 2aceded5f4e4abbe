"""What do the vans of a benchmark say? Native messages of a fleet in town, one point a second."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import cos, radians, sin
from typing import Any

import numpy as np

from ingest.packed import pack

VANS = 1_000
TOPIC = "tm/v1/bench/{}/pos"
START_S = 1_772_208_000
_SEVEN = ("ts", "seq", "lat", "lon", "spd_kmh", "hdg_deg", "hdop", "sat", "ign", "odo_m", "fuel_pct")


@dataclass(frozen=True)
class Said:
    """The points of messages, each by one van, and the messages in both forms."""

    devices: list[str]
    batches: list[list[dict[str, Any]]]
    not_packed: tuple[str, ...]  # keys that the packed form leaves out

    @cached_property
    def json(self) -> list[bytes]:
        """As native messages."""
        bodies = [
            {"v": 1, "dev": device, "boot": 41, "pts": batch}
            for device, batch in zip(self.devices, self.batches, strict=True)
        ]
        return [json.dumps(body, separators=(",", ":")).encode() for body in bodies]

    @cached_property
    def packed(self) -> list[bytes]:
        """As gateways may send them, without numbers unless all is said."""
        return self._packed(self.not_packed, None)

    @cached_property
    def numbered(self) -> list[bytes]:
        """As gateways send them that wait for receipts."""
        return self._packed([name for name in self.not_packed if name != "seq"], 41)

    def _packed(self, left_out: Sequence[str], boot: int | None) -> list[bytes]:
        kept = [
            [{key: value for key, value in point.items() if key not in left_out} for point in batch]
            for batch in self.batches
        ]
        return [pack(device, batch, boot=boot) for device, batch in zip(self.devices, kept, strict=True)]

    @property
    def topics(self) -> list[str]:
        """Where each was sent."""
        return [TOPIC.format(device) for device in self.devices]


@cache
def said(points: int, messages: int, *, is_full: bool, vans: int = VANS) -> Said:
    """So many messages of so many points: time, place, speed, heading, engine and five more, or all a van can say.

    Packed are only time, place, speed, heading and engine, unless all is asked for.
    """
    chance = np.random.default_rng(7)
    devices, batches = [], []
    drives: dict[int, dict[str, Any]] = {}
    for number in range(messages):
        van = number % vans
        drive = drives.setdefault(
            van, {"lat": 40.7 + van * 1e-4, "lon": -74.0 + van * 1e-4, "kmh": 30.0, "deg": 90.0, "s": 0, "m": 0.0}
        )
        batch = [_step(drive, change, turn) for change, turn in chance.normal(0, 1, (points, 2)).tolist()]
        devices.append(f"van-{van:06d}")
        batches.append(batch if is_full else [{name: point[name] for name in _SEVEN} for point in batch])
    return Said(devices, batches, () if is_full else ("seq", "hdop", "sat", "odo_m", "fuel_pct"))


def _step(drive: dict[str, Any], change: float, turn: float) -> dict[str, Any]:
    """Drive on for a second."""
    drive["s"] += 1
    drive["kmh"] = min(max(drive["kmh"] + change, 0.0), 90.0)
    drive["deg"] = (drive["deg"] + turn) % 360
    metres = drive["kmh"] / 3.6
    drive["m"] += metres
    drive["lat"] += metres * cos(radians(drive["deg"])) / 111_195
    drive["lon"] += metres * sin(radians(drive["deg"])) / 84_300
    return {
        "ts": START_S + drive["s"], "seq": drive["s"], "lat": round(drive["lat"], 6),
        "lon": round(drive["lon"], 6), "alt_m": 18, "spd_kmh": round(drive["kmh"], 1),
        "hdg_deg": round(drive["deg"]), "hdop": 0.8, "sat": 14, "acc_m": 4, "ign": drive["kmh"] > 0,
        "rpm": 800 + round(drive["kmh"] * 30), "odo_m": 48_212_345 + round(drive["m"]), "fuel_pct": 62.4,
        "fuel_used_l": 10_411.7, "batt_v": 14.1,
    }  # fmt: skip
