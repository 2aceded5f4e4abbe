"""What does a message say, read by the mapping of its source?

    records -> device, time, fields -> a native point; what no field took stays in `extra`

A path goes down by `/`: through the keys of objects and the numbers of arrays. It begins at the record, or at the
whole message where it begins with `/`.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ingest.adapters import mapping as described
from ingest.adapters.mapping import SWITCHES, TEXTS, WHOLE, Clock, Place, filled
from ingest.adapters.readings import (
    BACKLOG_S,
    OF_THE_FIX,
    Fix,
    Reading,
    UnknownSwitch,
    Unread,
    document_of,
    has_place,
    instant_of,
    integer_of,
    is_one_of,
    name_of,
    number_of,
    switch_of,
    text_of,
)
from ingest.adapters.units import UNITS
from ingest.native import MAX_AHEAD_S, MAX_POINTS, Point
from ingest.received import Undecodable

_Path = tuple[str, ...]


class MappedSource:
    """A source that is described by a mapping."""

    def __init__(self, mapping: described.Mapping) -> None:
        self._mapping = mapping
        self.name = mapping.name
        self.patterns = mapping.topics
        self.tenant = mapping.tenant

    def read(self, payload: bytes, levels: Mapping[str, str]) -> list[Reading]:
        """See `Source.read`."""
        document = document_of(payload)
        records = list(self._records(document))
        if not records:
            raise Undecodable("no_points")
        if len(records) > MAX_POINTS:
            raise Undecodable("too_many_points")
        return [self._reading(_Record(document, path, record, dict(levels))) for path, record in records]

    def _records(self, document: Any) -> Iterator[tuple[_Path, Any]]:
        for text in self._mapping.records:
            path = _path(text)
            found = _at(document, path)
            if isinstance(found, list):
                yield from ((path, one) for one in found)
                return
            if found is not None:
                yield path, found
                return
        raise Undecodable("missing_field")

    def _reading(self, record: "_Record") -> Reading:
        device_id = ""
        try:
            if not isinstance(record.body, dict):
                raise Undecodable("wrong_type")
            device_id = self._device(record)
            return self._fix(record, device_id)
        except Undecodable as problem:
            return Unread(device_id, record.body, problem.reason)

    def _device(self, record: "_Record") -> str:
        found = next((value for path in self._mapping.device if (value := record.take(path)) is not None), None)
        device_id = name_of(found)
        if self._mapping.device_is is not None and record.take(self._mapping.device_is) not in (None, device_id):
            raise Undecodable("device_mismatch")
        return device_id

    def _fix(self, record: "_Record", device_id: str) -> Fix:
        values: dict[str, Any] = dict(self._mapping.constants)
        fields = self._mapping.fields
        for name in [name for name in fields if name not in OF_THE_FIX]:
            values[name] = _first(record, name, fields[name])
        # A source that never has a place, such as a box on the vehicle's own bus, has its speed from elsewhere.
        is_placed = "lat" not in fields or (not values.get("nofix") and has_place(values.get("lat"), values.get("lon")))
        for name in [name for name in fields if name in OF_THE_FIX]:
            values[name] = _first(record, name, [place for place in fields[name] if is_placed or not place.of_fix])
        clock = self._mapping.time
        path = clock.without_fix if values.get("nofix") and clock.without_fix else clock.path
        ts = instant_of(record.take(path), clock.format, clock.zone)
        self._check_clocks(record, ts)
        self._check_area(values.get("lat"), values.get("lon"))
        if ts is not None and clock.sent is not None and not values.get("his"):
            sent = _instant(record, clock.sent, keep=True)
            values["his"] = True if sent is not None and sent - ts > BACKLOG_S else values.get("his")
        return Fix(device_id, Point(ts=ts, **values), record.rest(), record.body, record.is_switch_refused)

    def _check_clocks(self, record: "_Record", ts: float | None) -> None:
        clock = self._mapping.time.agrees_with
        other = None if clock is None else _instant(record, clock)
        if ts is not None and other is not None and abs(ts - other) > MAX_AHEAD_S:
            raise Undecodable("clocks_disagree")

    def _check_area(self, latitude: float | None, longitude: float | None) -> None:
        area = self._mapping.area
        if area is None or latitude is None or longitude is None or (latitude == 0 and longitude == 0):
            return
        if not (area.south <= latitude <= area.north and area.west <= longitude <= area.east):
            raise Undecodable("outside_area")


class _Record:
    """One record of a message, and which of its values have been taken."""

    def __init__(self, document: Any, path: _Path, body: Any, levels: dict[str, str]) -> None:
        self.body = body
        self._document, self._path, self._levels = document, path, levels
        self._taken: set[_Path] = set()
        self._taken_outside: set[_Path] = set()
        self.is_switch_refused = False

    def take(self, text: str, *, keep: bool = False) -> Any:
        """The value at a path or of a template of levels; None where there is none."""
        if "{" in text:
            return filled(text, self._levels) or None
        path = _path(text)
        if text.startswith("/"):
            self._taken_outside.add(path)
            return _at(self._document, path)
        value = _at(self.body, path)
        if value is not None and not keep:
            self._taken.add(path)
        return value

    def refuse(self, text: str) -> None:
        """Leave the value of a switch that nobody knows where it was."""
        self.is_switch_refused = True
        self._taken.discard(_path(text))
        self._taken_outside.discard(_path(text))

    def rest(self) -> dict[str, Any]:
        """What nothing has taken: of the record, and of what is around it."""
        around = self._document if self._path and isinstance(self._document, dict) else {}
        return _without(around, {*self._taken_outside, self._path}) | _without(self.body, self._taken)


@lru_cache(10_000)
def _path(text: str) -> _Path:
    return tuple(part for part in text.split("/") if part)


def _at(value: Any, path: _Path) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and len(part) < 6 and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _without(value: dict[str, Any], taken: set[_Path]) -> dict[str, Any]:
    deeper: dict[str, set[_Path]] = {}
    for path in taken:
        if path:
            deeper.setdefault(path[0], set()).add(path[1:])
    rest = {}
    for key, inner in value.items():
        below = deeper.get(key, ())
        if () in below or inner is None:
            continue
        if below and isinstance(inner, dict):
            inner = _without(inner, set(below))
            if not inner:
                continue
        rest[key] = inner
    return rest


def _instant(record: _Record, clock: Clock, *, keep: bool = False) -> float | None:
    return instant_of(record.take(clock.path, keep=keep), clock.format, clock.zone)


def _first(record: _Record, name: str, places: Iterable[Place]) -> Any:
    return next((value for place in places if (value := _value(record, name, place)) is not None), None)


def _value(record: _Record, name: str, place: Place) -> Any:
    found = record.take(place.path)
    if place.split is not None and isinstance(found, str):
        parts = found.split(place.split)
        found = parts[place.part].strip() if place.part < len(parts) else None
    if found is None or (place.unknown and is_one_of(found, place.unknown)):
        return None
    if name in SWITCHES:
        try:
            return switch_of(found, place.on, place.off)
        except UnknownSwitch:
            if place.otherwise is None:
                record.refuse(place.path)
            return place.otherwise
    if name in TEXTS:
        return text_of(found)
    if name in WHOLE:
        return integer_of(found)
    number = number_of(found)
    factor = place.factor * UNITS.get(name, {}).get(place.unit or "", 1.0)
    return None if number is None else number * factor
