"""What does a gateway say that packs its points to a few bytes each, and how is it packed?

The bytes are those of docs/messages.md. This is the reference: plain Python, to be read beside that page and to be
copied into a gateway. `kernels.packed` reads the same bytes faster and leaves whatever is odd to this one.

    magic, version, which columns, which of them have gaps, which are steady, device, number of points,
    then column by column: time, place, speed, ... as differences, switches as bits
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa

from ingest.native import VERSION
from ingest.received import Received, Undecodable

CONTENT_TYPE = "application/vnd.odograph.packed"
MAGIC = b"\xd0oP"  # no JSON and no Arrow begins like this, nor does any text: it is not UTF-8
MAX_PACKED_POINTS = 7_200  # two hours at one a second
MOST = 2**53  # of any number, so that it is exact as a float64
_LONGEST_NUMBER = 8  # bytes; 56 bits

# The units of a number in one of its key's.
UNITS = {
    **{"lat": 10_000_000, "lon": 10_000_000, "spd_kmh": 100, "hdg_deg": 10, "alt_m": 10, "hdop": 100, "acc_m": 10},
    **{"rpm": 1, "odo_m": 1, "fuel_pct": 100, "fuel_l": 1_000, "fuel_used_l": 1_000, "batt_v": 1_000},
    **{"soc_pct": 100, "energy_out_kwh": 1_000, "sat": 1},
}
SWITCHES = ("ign", "pto", "charging", "valid", "nofix", "his", "private")
# Said once for all points; `seq` is that of the first, from which the others count on.
OF_MESSAGE = ("boot", "seq", "route_id")
# In the order of their bits and of their values; what nearly everybody sends first, so that its bits fit a byte.
COLUMNS = (
    *("lat", "lon", "spd_kmh", "hdg_deg", "ign", "boot", "seq", "odo_m", "fuel_pct", "rpm", "sat", "hdop", "acc_m"),
    *("alt_m", "batt_v", "fuel_used_l", "fuel_l", "route_id", "soc_pct", "energy_out_kwh", "charging", "pto", "valid"),
    *("nofix", "his", "private"),
)
_MAY_HAVE_GAPS = sum(1 << bit for bit, name in enumerate(COLUMNS) if name not in OF_MESSAGE)
_MAY_BE_STEADY = sum(1 << bit for bit, name in enumerate(COLUMNS) if name in UNITS)
MS_PER_S = 1_000


class Packed(NamedTuple):
    """A message, taken apart; every value is None where a point has none."""

    device: str
    boot: int | None
    points: list[dict[str, Any]]  # with the keys of a native point


def is_packed(received: Received) -> bool:
    """Whether a message is packed, by its content type or, where MQTT has none, by how it begins."""
    return received.content_type == CONTENT_TYPE or received.payload.startswith(MAGIC)


def pack(device: str, points: Sequence[Mapping[str, Any]], *, boot: int | None = None) -> bytes:
    """Pack points with the keys of a native one; `seq` has to count on from the first, and `route_id` to stay.

    Values are rounded to the units of the format: 0.001 s, 1e-7 degrees, 0.01 km/h, 0.1 degrees.
    """
    if not 1 <= len(points) <= MAX_PACKED_POINTS:
        raise ValueError(f"a message has 1 to {MAX_PACKED_POINTS} points, not {len(points)}")
    first_seq, route_id = points[0].get("seq"), points[0].get("route_id")
    for place, point in enumerate(points):
        if point.get("route_id") != route_id or point.get("seq") != (None if first_seq is None else first_seq + place):
            raise ValueError("the points of a message share a route_id, and their seq counts on")
    of_message: dict[str, Any] = {"boot": boot, "seq": first_seq, "route_id": route_id}
    columns = {
        name: [of_message[name]] if name in of_message else [point.get(name) for point in points] for name in COLUMNS
    }
    numbers = {
        name: [round(value * units) for value in columns[name] if value is not None] for name, units in UNITS.items()
    }
    is_there = [any(value is not None for value in columns[name]) for name in COLUMNS]
    has_gaps = [there and None in columns[name] for there, name in zip(is_there, COLUMNS, strict=True)]
    is_steady = [len(set(numbers.get(name, ()))) == 1 for name in COLUMNS]
    packed = bytearray(MAGIC + bytes([VERSION]))
    packed += _number(_bits(is_there)) + _number(_bits(has_gaps)) + _number(_bits(is_steady))
    packed += _text(device) + _number(len(points))
    times_ms = [round(point["ts"] * MS_PER_S) for point in points]
    packed += _signed(times_ms[0]) + _differences([later - one for one, later in pairwise(times_ms)])
    for bit, name in enumerate(COLUMNS):
        if not is_there[bit]:
            continue
        if has_gaps[bit]:
            packed += _bit_bytes([value is not None for value in columns[name]])
        if name in UNITS:
            packed += _differences(numbers[name][: 1 if is_steady[bit] else None])
        elif name in SWITCHES:
            packed += _bit_bytes([bool(value) for value in columns[name]])
        else:
            packed += _text(of_message[name]) if name == "route_id" else _signed(of_message[name])
    return bytes(packed)


def unpack(payload: bytes) -> Packed:
    """Take a message apart; raise Undecodable for one that is none, and never use more memory than its points take."""
    if not payload.startswith(MAGIC):
        raise Undecodable("bad_packed")
    rest = _Bytes(payload, len(MAGIC))
    if rest.byte() != VERSION:
        raise Undecodable("unknown_version")
    is_there, has_gaps, is_steady = rest.number(), rest.number(), rest.number()
    if is_there >> len(COLUMNS) or has_gaps & ~_MAY_HAVE_GAPS or is_steady & ~_MAY_BE_STEADY:
        raise Undecodable("bad_packed")
    if (has_gaps | is_steady) & ~is_there:
        raise Undecodable("bad_packed")
    device, count = rest.text(), rest.number()
    if count > MAX_PACKED_POINTS:
        raise Undecodable("too_many_points")
    if not count:
        raise Undecodable("no_points")
    first_ms = rest.signed()
    steps_ms = rest.sums([rest.signed() for _ in range(count - 1)], 0)
    points: list[dict[str, Any]] = [{"ts": time_ms / MS_PER_S} for time_ms in rest.sums([0, *steps_ms], first_ms)]
    of_message: dict[str, Any] = {}
    for bit, name in enumerate(COLUMNS):
        if not is_there >> bit & 1:
            continue
        is_said = rest.bits(count) if has_gaps >> bit & 1 else [True] * count
        holders = [point for point, said in zip(points, is_said, strict=True) if said]
        if not holders:
            raise Undecodable("bad_packed")
        if name in OF_MESSAGE:
            of_message[name] = rest.text() if name == "route_id" else rest.signed()
        elif name in SWITCHES:
            for point, said, is_on in zip(points, is_said, rest.bits(count), strict=True):
                if said:
                    point[name] = is_on
                elif is_on:
                    raise Undecodable("bad_packed")
        else:
            differences = [rest.signed()] + [0 if is_steady >> bit & 1 else rest.signed() for _ in holders[1:]]
            for point, value in zip(holders, rest.sums(differences, 0), strict=False):
                point[name] = value if name == "sat" else value / UNITS[name]
    if rest.place != len(payload) or any(abs(value) > MOST for value in of_message.values() if type(value) is int):
        raise Undecodable("bad_packed")
    for place, point in enumerate(points):
        if "seq" in of_message:
            point["seq"] = of_message["seq"] + place
        if "route_id" in of_message:
            point["route_id"] = of_message["route_id"]
    return Packed(device, of_message.get("boot"), points)


def read_packed(received: Received) -> tuple[pa.Table, int | None]:
    """The points of a message as the rules expect them, with its boot; raise Undecodable for one that is none."""
    packed = unpack(received.payload)
    assert received.topic is not None
    if packed.device != received.topic.sender:
        raise Undecodable("device_mismatch")
    kinds = dict.fromkeys(("ts", *UNITS), pa.float64()) | dict.fromkeys(SWITCHES, pa.bool_())
    kinds |= {"seq": pa.int64(), "sat": pa.int16(), "route_id": pa.string()}
    for point in packed.points:
        if "sat" in point:
            point["sat"] = max(-1, min(point["sat"], 999))
    names = {name for point in packed.points for name in point}
    columns = {
        name: pa.array([point.get(name) for point in packed.points], kind)
        for name, kind in kinds.items()
        if name in names
    }
    columns["extra"] = pa.nulls(len(packed.points), pa.string())
    columns["point_index"] = pa.array(range(len(packed.points)), pa.int16())
    return pa.table(columns), packed.boot


def _bits(flags: Sequence[bool]) -> int:
    return sum(flag << bit for bit, flag in enumerate(flags))


def _bit_bytes(flags: Sequence[bool]) -> bytes:
    return _bits(flags).to_bytes((len(flags) + 7) // 8, "little")


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*packed, value])


def _signed(value: int) -> bytes:
    """Small numbers of either sign are small: 0, -1, 1, -2, ... are sent as 0, 1, 2, 3, ..."""
    if abs(value) > MOST:
        raise ValueError(f"{value} is too large to be packed")
    return _number(value * 2 if value >= 0 else -value * 2 - 1)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _number(len(encoded)) + encoded


def _differences(values: Sequence[int]) -> bytes:
    return b"".join(_signed(value - before) for value, before in zip(values, (0, *values), strict=False))


class _Bytes:
    """A payload and how far it has been read."""

    def __init__(self, payload: bytes, place: int) -> None:
        self._payload, self.place = payload, place

    def byte(self) -> int:
        if self.place >= len(self._payload):
            raise Undecodable("bad_packed")
        self.place += 1
        return self._payload[self.place - 1]

    def number(self) -> int:
        value = 0
        for shift in range(0, 7 * _LONGEST_NUMBER, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Undecodable("bad_packed")

    def signed(self) -> int:
        value = self.number()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def sums(self, differences: Sequence[int], total: int) -> list[int]:
        sums = []
        for difference in differences:
            total += difference
            if abs(total) > MOST:
                raise Undecodable("bad_packed")
            sums.append(total)
        return sums

    def bits(self, count: int) -> list[bool]:
        size = (count + 7) // 8
        if self.place + size > len(self._payload):
            raise Undecodable("bad_packed")
        bits = int.from_bytes(self._payload[self.place : self.place + size], "little")
        self.place += size
        if bits >> count:
            raise Undecodable("bad_packed")
        return [bool(bits >> bit & 1) for bit in range(count)]

    def text(self) -> str:
        size = self.number()
        if self.place + size > len(self._payload):
            raise Undecodable("bad_packed")
        self.place += size
        try:
            return self._payload[self.place - size : self.place].decode()
        except UnicodeDecodeError as error:
            raise Undecodable("bad_packed") from error
