"""What does an OpenXC translator say, one CAN signal a line?

    {"name":"engine_speed","value":772,"timestamp":1364323939.027}

Signals of one second become one point at the time of the first of them that we know, whatever the order of the lines.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ingest.adapters.readings import (
    Fix,
    Reading,
    UnknownSwitch,
    Unread,
    document_of,
    instant_of,
    name_of,
    number_of,
    switch_of,
)
from ingest.native import MAX_POINTS, Point
from ingest.received import Undecodable

# name -> our field and what one of its unit is in ours
SIGNALS = {
    "vehicle_speed": ("spd_kmh", 1.0),
    "engine_speed": ("rpm", 1.0),
    "latitude": ("lat", 1.0),
    "longitude": ("lon", 1.0),
    "odometer": ("odo_m", 1_000.0),
    "fuel_level": ("fuel_pct", 1.0),
    "fuel_consumed_since_restart": ("fuel_used_l", 1.0),
    "ignition_status": ("ign", 1.0),
}
RUNNING, STANDING = ("run", "start"), ("off", "accessory")


class OpenXC:
    """The source; see `Source`."""

    name = "openxc"
    patterns = ("openxc/{device}",)
    tenant = None

    def read(self, payload: bytes, levels: Mapping[str, str]) -> list[Reading]:
        """See `Source.read`."""
        device_id = name_of(levels["device"])
        seconds: dict[int, list[tuple[float, str, Any]]] = {}
        readings: list[Reading] = []
        lines = [line for line in payload.splitlines() if line.strip()]
        if len(lines) > MAX_POINTS:
            raise Undecodable("too_many_points")
        for line in lines:
            try:
                ts, name, value = _signal(document_of(line))
            except Undecodable as problem:
                readings.append(Unread(device_id, line.decode(errors="replace"), problem.reason))
            else:
                seconds.setdefault(int(ts // 1), []).append((ts, name, value))
        readings += [_point(device_id, signals) for _, signals in sorted(seconds.items())]
        if not readings:
            raise Undecodable("no_points")
        return readings


def _signal(line: Any) -> tuple[float, str, Any]:
    if not isinstance(line, dict):
        raise Undecodable("not_an_object")
    name, ts = line.get("name"), instant_of(line.get("timestamp"))
    if not isinstance(name, str) or "value" not in line:
        raise Undecodable("missing_field")
    if ts is None:
        raise Undecodable("missing_time")
    return ts, name, line["value"]


def _point(device_id: str, signals: list[tuple[float, str, Any]]) -> Reading:
    """Take the last value of each signal of a second, by the signals' own times."""
    signals = sorted(signals, key=lambda signal: (signal[0], signal[1], msgspec.json.encode(signal[2])))
    latest = {name: value for _, name, value in signals}
    known = [ts for ts, name, _ in signals if name in SIGNALS]
    values: dict[str, Any] = {}
    extra = {name: value for name, value in latest.items() if name not in SIGNALS}
    is_refused = False
    for name in [name for name in latest if name in SIGNALS]:
        try:
            values[SIGNALS[name][0]] = _value(name, latest[name])
        except UnknownSwitch:
            extra[name] = latest[name]
            is_refused = True
        except Undecodable as problem:
            return Unread(device_id, latest, problem.reason)
    has_place = values.get("lat") is not None and values.get("lon") is not None
    point = Point(ts=min(known, default=signals[0][0]), nofix=None if has_place else True, **values)
    return Fix(device_id, point, extra, latest, is_refused)


def _value(name: str, value: Any) -> float | bool | None:
    if name == "ignition_status":
        return switch_of(value, RUNNING, STANDING)
    number = number_of(value)
    return None if number is None else number * SIGNALS[name][1]
