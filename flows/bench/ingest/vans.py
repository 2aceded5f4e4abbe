"""What do the vans of the decoding benchmarks say? Native messages of a fleet in town, one point a second."""

import json
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ingest.packed import pack

VANS = 1_000
START_S = 1_772_208_000
_SEVEN = ("ts", "seq", "lat", "lon", "spd_kmh", "hdg_deg", "hdop", "sat", "ign", "odo_m", "fuel_pct")


class Said(NamedTuple):
    """The same messages in both forms, with the van of each."""

    devices: list[str]
    json: list[bytes]
    packed: list[bytes]

    @property
    def topics(self) -> list[str]:
        """Where each was sent."""
        return [f"tm/v1/bench/{device}/pos" for device in self.devices]


@cache
def said(points: int, messages: int, *, is_full: bool) -> Said:
    """So many messages of so many points: time, place, speed, heading, engine and five more, or all a van can say.

    Packed are only time, place, speed, heading and engine, unless all is asked for.
    """
    chance = np.random.default_rng(7)
    devices, texts, packed = [], [], []
    drives: dict[int, dict[str, Any]] = {}
    for number in range(messages):
        van = number % VANS
        drive = drives.setdefault(
            van, {"lat": 40.7 + van * 1e-4, "lon": -74.0 + van * 1e-4, "kmh": 30.0, "deg": 90.0, "s": 0, "m": 0.0}
        )
        batch = [_step(drive, float(change), float(turn)) for change, turn in chance.normal(0, 1, (points, 2))]
        if not is_full:
            batch = [{name: point[name] for name in _SEVEN} for point in batch]
        device = f"van-{van:06d}"
        devices.append(device)
        body = {"v": 1, "dev": device, "boot": 41, "pts": batch}
        texts.append(json.dumps(body, separators=(",", ":")).encode())
        left_out = () if is_full else ("seq", "hdop", "sat", "odo_m", "fuel_pct")
        packed.append(pack(device, [{key: value for key, value in p.items() if key not in left_out} for p in batch]))
    return Said(devices, texts, packed)


def _step(drive: dict[str, Any], change: float, turn: float) -> dict[str, Any]:
    """Drive on for a second."""
    drive["s"] += 1
    drive["kmh"] = min(max(drive["kmh"] + change, 0.0), 90.0)
    drive["deg"] = (drive["deg"] + turn) % 360
    metres = drive["kmh"] / 3.6
    drive["m"] += metres
    drive["lat"] += metres * np.cos(np.radians(drive["deg"])) / 111_195
    drive["lon"] += metres * np.sin(np.radians(drive["deg"])) / 84_300
    return {
        "ts": START_S + drive["s"], "seq": drive["s"], "lat": round(float(drive["lat"]), 6),
        "lon": round(float(drive["lon"]), 6), "alt_m": 18, "spd_kmh": round(drive["kmh"], 1),
        "hdg_deg": round(drive["deg"]), "hdop": 0.8, "sat": 14, "acc_m": 4, "ign": drive["kmh"] > 0,
        "rpm": 800 + round(drive["kmh"] * 30), "odo_m": 48_212_345 + round(drive["m"]), "fuel_pct": 62.4,
        "fuel_used_l": 10_411.7, "batt_v": 14.1,
    }  # fmt: skip
