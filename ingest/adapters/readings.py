"""What does a source make of a message, and how are other people's numbers, switches and times read?

A value that is there and cannot be read costs its point (`wrong_type`), as in a native message; only a switch is then
None, with a flag, because firmware adds states. A value that is not there, or says "not known", is None and never 0.
What comes from the same fix as the place goes with it: without a place there is no speed, heading or altitude.
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ingest.native import Point
from ingest.received import Undecodable
from ingest.topics import MAX_NAME_BYTES

BACKLOG_S = 120.0  # a message built this much later than its fix was held back
OF_THE_FIX = frozenset({"spd_kmh", "hdg_deg", "alt_m"})  # measured with the place, and worth nothing without it
PER_SECOND = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_UNFIT = re.compile(r"[\x00-\x1f\x7f+#]")
_ON, _OFF = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


class Fix(NamedTuple):
    """One point, as a native message would have said it; `extra` is what has no place in it."""

    device_id: str
    point: Point
    extra: dict[str, Any]
    part: Any = None  # the record it was read from, where a message has several
    is_switch_refused: bool = False  # a switch said what nobody knows, so it counts as not sent


class UnknownSwitch(Undecodable):
    """A switch says neither on nor off."""

    def __init__(self) -> None:
        super().__init__("wrong_type")


class Happening(NamedTuple):
    """One event; without a time of its own it happened when the broker sent it."""

    device_id: str
    type: str
    ts: float | None = None
    lat: float | None = None
    lon: float | None = None
    extra: Mapping[str, Any] = MappingProxyType({})


class Unread(NamedTuple):
    """A part of a message that became neither; `reason` is a key of REASONS."""

    device_id: str
    part: Any
    reason: str


Reading = Fix | Happening | Unread


class Source(Protocol):
    """A foreign format."""

    @property
    def name(self) -> str:
        """What becomes `source_format`."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Topics with named levels, such as `owntracks/{user}/{device}`."""

    @property
    def tenant(self) -> str | None:
        """Whose vehicles they are, perhaps with named levels; None: the tenant of foreign formats."""

    def read(self, payload: bytes, levels: Mapping[str, str]) -> list[Reading]:
        """Read a message of a topic with these levels; raise Undecodable for one that is nothing."""


def document_of(payload: bytes) -> Any:
    """Parse JSON; raise Undecodable for anything else."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise Undecodable("not_json") from error


def name_of(value: Any) -> str:
    """Check the name of a device: text or a number, and fit for a topic level if it had to be one."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text or len(text.encode()) > MAX_NAME_BYTES or _UNFIT.search(text):
        raise Undecodable("bad_device")
    return text


def number_of(value: Any) -> float | None:
    """Read a number, also one written as text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Undecodable("wrong_type")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise Undecodable("wrong_type")
    try:
        number = float(value)
    except OverflowError as error:
        raise Undecodable("wrong_type") from error
    if not math.isfinite(number):
        raise Undecodable("wrong_type")
    return number


def integer_of(value: Any) -> int | None:
    """Read a whole number that fits 64 bits."""
    if type(value) is int:
        number = value
    else:
        read = number_of(value)
        if read is None:
            return None
        number = round(read)
    if not -(2**63) <= number < 2**63:
        raise Undecodable("wrong_type")
    return number


def switch_of(value: Any, on: tuple[Any, ...] = (), off: tuple[Any, ...] = ()) -> bool | None:
    """Read a switch: the values given, or else 1, true, on, yes and their opposites; raise UnknownSwitch for others."""
    if value is None or value == "":
        return None
    if is_one_of(value, on or _ON):
        return True
    if is_one_of(value, off or _OFF):
        return False
    raise UnknownSwitch


def has_place(latitude: float | None, longitude: float | None) -> bool:
    """Whether a fix found a place that rule Q1 lets pass; receivers without one say nothing, or 0/0."""
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return False
    return abs(latitude) <= 90 and abs(longitude) <= 180


def is_one_of(value: Any, listed: tuple[Any, ...]) -> bool:
    """Whether a value is listed; 1, 1.0, "1" and " 1" are one value, and so are true and "True"."""
    return not isinstance(value, dict | list) and _plain(value) in map(_plain, listed)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return value.strip().lower() if isinstance(value, str) else value


def text_of(value: Any) -> str | None:
    """Read a short text; a number counts as one."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Undecodable("wrong_type")
    return value


def instant_of(value: Any, form: str = "epoch_s", zone: str | None = None) -> float | None:
    """Read a time as epoch seconds: `epoch_s`, `epoch_ms`, `epoch_us`, `iso` or a pattern of strptime.

    A text without an offset is in `zone`, and cannot be read without one.
    """
    if value is None or value == "":
        return None
    if form in PER_SECOND:
        number = number_of(value)
        return None if number is None else number / PER_SECOND[form]
    if not isinstance(value, str):
        raise Undecodable("wrong_type")
    try:
        moment = datetime.fromisoformat(value) if form == "iso" else datetime.strptime(value, form)
        if moment.tzinfo is None:
            if zone is None:
                raise Undecodable("wrong_type")
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise Undecodable("wrong_type") from error
