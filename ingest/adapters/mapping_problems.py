"""What is wrong with a mapping file, in lines a person can act on?

    acme.toml: source "acme": fields.hdop.factor: nan does not fit; expected a finite number

File, source, key, what is wrong, what is expected: one line for each key, whatever the parser had to say about it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_CLOCK = "a table with path and format"
EXPECTED = {
    "source": "[[source]] tables, at least one",
    "name": "at most 40 lower-case letters, digits, - and _",
    "topics": 'a list of topics, such as ["acme/{device}/gps"]',
    "tenant": "a name or a level such as {customer}, at most 128 characters",
    "device": "a path, a level such as {device}, or a list of them",
    "device_is": "a path or a level such as {device}",
    "records": "a path or a list of paths",
    "time": _CLOCK,
    "sent": _CLOCK,
    "agrees_with": _CLOCK,
    "fields": "a table of fields and their paths",
    "constants": "a table of fields and their values",
    "area": "a table with south, north, west and east",
    "path": "a path, such as location/lat",
    "without_fix": "a path, such as deviceTime",
    "format": "text, such as iso",
    "zone": "a time zone, such as America/New_York",
    "unit": "text",
    "factor": "a finite number",
    "split": "text to split at",
    "part": "a whole number from 0 to 99",
    "unknown": "a list of numbers, text, true or false",
    "true": "a list of numbers, text, true or false",
    "false": "a list of numbers, text, true or false",
    "otherwise": "true or false",
    "of_fix": "true or false",
    "south": "degrees from -90 to 90",
    "north": "degrees from -90 to 90",
    "west": "degrees from -180 to 180",
    "east": "degrees from -180 to 180",
}
_FIELD = "a path, a table with path, or a list of them"
_CONSTANT = "a number, text, true or false"
_LONGEST_SHOWN = 60


def problem_lines(
    file: str, document: Mapping[str, Any], details: Iterable[Any], keys: Mapping[str, list[str]]
) -> list[str]:
    """One line for each thing wrong; `keys` are those there may be, by the table they are in."""
    found: dict[tuple[Any, ...], list[str]] = {}
    placed = [(_place(detail["loc"]), detail) for detail in details]
    for place, detail in placed:
        # A list whose only member is wrong is not too short as well.
        if detail["type"] == "too_short" and any(other[: len(place)] == place != other for other, _ in placed):
            continue
        lines = _lines(place, detail, keys)
        known = found.setdefault(place, [])
        known += [line for line in lines if detail["type"] == "value_error" or not known]
    return [f"{file}: {_source(document, place)}{line}" for place, lines in found.items() for line in lines]


def _place(loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """The keys that lead to a value, without the numbers of lists and the kinds the parser has tried."""
    names = [part for part in loc[2:] if isinstance(part, str)]
    depth = {"fields": 3, "constants": 2}.get(names[0] if names else "", 2)
    tried = {"bool", "int", "float", "str"}
    return (*loc[:2], *(name for number, name in enumerate(names[:depth]) if number < 2 or name not in tried))


def _source(document: Mapping[str, Any], place: tuple[Any, ...]) -> str:
    if len(place) < 2:
        return ""
    source = document["source"][place[1]]
    name = source.get("name") if isinstance(source, dict) else None
    return f'source "{name}": ' if isinstance(name, str) and name else f"source {place[1] + 1}: "


def _lines(place: tuple[Any, ...], detail: Any, keys: Mapping[str, list[str]]) -> list[str]:
    key = ".".join(place[2:])
    if detail["type"] == "value_error":  # one of our own, each line with its key
        lines = str(detail["msg"]).removeprefix("Value error, ").splitlines()
        return [f"{key}.{line}" if key else line for line in lines]
    if detail["type"] == "extra_forbidden":
        inside = "fields" if place[2:3] == ("fields",) else place[-2] if len(place) > 3 else "source"
        among = keys.get(inside, ["source"]) if len(place) > 1 else ["source"]
        return [f"{key or place[0]}: is no key here; expected one of {', '.join(among)}"]
    expected = _expected(place)
    if detail["type"] == "missing":
        return [f"{key or place[0]}: is missing; expected {expected}"]
    shown = repr(detail["input"])
    shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
    return [f"{key or place[0]}: {shown} does not fit; expected {expected}"]


def _expected(place: tuple[Any, ...]) -> str:
    if place[2:3] == ("constants",) and len(place) > 3:
        return _CONSTANT
    if place[2:3] == ("fields",) and len(place) == 4:
        return _FIELD
    return EXPECTED.get(str(place[-1]) if len(place) != 2 else "source", "a table")
