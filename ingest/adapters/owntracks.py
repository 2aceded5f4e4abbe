"""What do the OwnTracks apps and the trackers behind its gateways say?

The `_type` decides: `location` is a point, `lwt` the last will of a phone, `transition` a region entered or left;
any other type is kept as an event. The Greenwich trackers send text where the apps send numbers, volts of the vehicle
where the apps send percent of the phone, and a compact line of hexadecimal and scaled numbers on the same topic.
"""

from collections.abc import Mapping
from typing import Any

from ingest.adapters.readings import (
    BACKLOG_S,
    OF_THE_FIX,
    Fix,
    Happening,
    Reading,
    UnknownSwitch,
    document_of,
    has_place,
    instant_of,
    name_of,
    number_of,
    switch_of,
)
from ingest.native import Point
from ingest.received import Undecodable

NUMBERS = {"lat": "lat", "lon": "lon", "acc_m": "acc", "hdg_deg": "cog", "alt_m": "alt", "spd_kmh": "vel",
           "rpm": "rpm", "fuel_pct": "flvl", "hdop": "hdop", "batt_v": "uext"}  # fmt: skip
KEPT_CHARACTERS = 256  # of a text in a message of a type that is no business of a fleet
_COMPACT_COLUMNS = 10


class OwnTracks:
    """The source; see `Source`."""

    name = "owntracks"
    patterns = ("owntracks/{user}/{device}", "owntracks/{user}/{device}/event")
    tenant = None

    def read(self, payload: bytes, levels: Mapping[str, str]) -> list[Reading]:
        """See `Source.read`."""
        device_id = name_of(f"{levels['user']}/{levels['device']}" if levels["user"] and levels["device"] else None)
        if not payload.lstrip().startswith((b"{", b"[")):
            return [_compact(device_id, payload)]
        message = document_of(payload)
        if not isinstance(message, dict):
            raise Undecodable("not_an_object")
        kind = message.pop("_type", None)
        if not isinstance(kind, str) or not kind:
            raise Undecodable("missing_field")
        if kind == "location":
            return [_location(device_id, message)]
        if kind == "lwt":
            # Its time is that of connecting, so the broker's own is the better one.
            return [Happening(device_id, "offline", extra=message)]
        if kind == "transition":
            return [_transition(device_id, message)]
        return [_other(device_id, kind, message)]


def _location(device_id: str, message: dict[str, Any]) -> Fix:
    is_placed = has_place(number_of(message.get("lat")), number_of(message.get("lon")))
    values: dict[str, Any] = {
        name: number_of(message.pop(key, None)) for name, key in NUMBERS.items() if is_placed or name not in OF_THE_FIX
    }
    ts, built = (instant_of(message.pop(key, None)) for key in ("tst", "created_at"))
    if isinstance(message.get("batt"), str):
        values["batt_v"] = number_of(message.pop("batt"))
    odometer_km = number_of(message.pop("odometer", None))
    ignition, is_refused = None, False
    try:
        ignition = switch_of(message.get("ign"))
        message.pop("ign", None)
    except UnknownSwitch:
        is_refused = True
    point = Point(
        ts=ts,
        ign=ignition,
        odo_m=None if odometer_km is None else odometer_km * 1_000,
        his=True if ts is not None and built is not None and built - ts > BACKLOG_S else None,
        **values,
    )
    return Fix(device_id, point, message, is_switch_refused=is_refused)


def _transition(device_id: str, message: dict[str, Any]) -> Happening:
    event = message.pop("event", None)
    if event not in ("enter", "leave"):
        raise Undecodable("wrong_type")
    ts = instant_of(message.pop("tst", None))
    if ts is None:
        raise Undecodable("missing_time")
    latitude, longitude = (number_of(message.pop(key, None)) for key in ("lat", "lon"))
    return Happening(device_id, f"geofence_{event}", ts, latitude, longitude, message)


def _other(device_id: str, kind: str, message: dict[str, Any]) -> Happening:
    """Keep small values only: cards hold names and pictures, configurations hold passwords."""
    if kind in ("card", "configuration", "encrypted"):
        message = {}
    extra = {
        key: value
        for key, value in message.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= KEPT_CHARACTERS)
    }
    return Happening(device_id, f"owntracks_{kind[:40]}", extra=extra)


def _compact(device_id: str, payload: bytes) -> Fix:
    """Read `tid,tst,t,lat,lon,cog,vel,alt,dist,trip`: hexadecimal, 1e-6 degrees, tens of degrees and of metres, km."""
    try:
        columns = payload.decode("ascii").strip().split(",")
        if len(columns) != _COMPACT_COLUMNS:
            raise ValueError
        tid, time, trigger, *numbers = columns
        ts = int(time, 16)
        latitude, longitude, course, speed, altitude, distance, trip = (int(number) for number in numbers)
    except ValueError as error:
        raise Undecodable("not_json") from error
    point = Point(ts=float(ts), lat=latitude / 1e6, lon=longitude / 1e6)
    if has_place(point.lat, point.lon):
        point.hdg_deg, point.spd_kmh, point.alt_m = course * 10.0, float(speed), altitude * 10.0
    return Fix(device_id, point, {"tid": tid, "t": trigger, "dist": distance, "trip": trip * 1_000})
