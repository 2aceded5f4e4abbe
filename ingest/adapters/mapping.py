"""How does a TOML file describe a source, and is what it says complete?

docs/mappings.md explains the keys. Everything wrong in a file is reported together, each line with the key it is about.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as TableOf
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ingest.adapters.mapping_problems import problem_lines
from ingest.adapters.readings import OF_THE_FIX, PER_SECOND
from ingest.adapters.units import UNITS
from ingest.native import Point, Switch
from ingest.settings import SettingsError, is_known_zone
from ingest.topics import OUR_TREES, overlaps

SWITCHES = frozenset(name for name, kind in get_type_hints(Point).items() if kind == Switch | None)
WHOLE, TEXTS = frozenset({"seq", "sat"}), frozenset({"route_id"})
FIELDS = frozenset(Point.__struct_fields__) - {"ts"}

_LEVEL = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Scalar = bool | int | float | str


class MappingError(SettingsError):
    """Mapping files do not fit; `problems` holds one line for each, with file, source and key."""

    heading = ""  # each line names its file


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Part):
    """Where a field is, and how it is written there."""

    path: str
    unit: str | None = None
    factor: float = Field(1.0, allow_inf_nan=False)
    split: str | None = Field(None, min_length=1)
    part: int = Field(0, ge=0, le=99)
    unknown: tuple[Scalar, ...] = ()
    on: tuple[Scalar, ...] = Field((), alias="true")
    off: tuple[Scalar, ...] = Field((), alias="false")
    otherwise: bool | None = None  # what any other value of a switch says
    of_fix: bool = True  # measured with the place: not taken where there is none


def _placed(value: Any) -> Any:
    return [{"path": one} if isinstance(one, str) else one for one in _listed(value)]


Places = Annotated[tuple[Place, ...], BeforeValidator(_placed), Field(min_length=1)]
_Fields = dict[str, Places]
Paths = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class Clock(_Part):
    """A time of the message: where, and how it is written."""

    path: str
    format: str = "iso"
    zone: str | None = None

    @model_validator(mode="after")
    def _readable(self) -> "Clock":
        problems = []
        if self.zone is not None and not is_known_zone(self.zone):
            problems.append(f"zone: {self.zone!r} is not known; expected an IANA time zone such as America/New_York")
        if self.format not in PER_SECOND and self.format != "iso" and "%" not in self.format:
            known = ", ".join(PER_SECOND)
            problems.append(f"format: {self.format!r} is not known; expected {known}, iso or {_PATTERN}")
        if "%" in self.format and not _says_the_date(self.format):
            problems.append(f"format: {self.format!r} reads no year, month and day; expected {_PATTERN}")
        if "%" in self.format and "%z" not in self.format and self.zone is None:
            problems.append("zone: is missing; expected one for a pattern without %z, such as America/New_York")
        if problems:
            raise ValueError("\n".join(problems))
        return self


_PATTERN = "a pattern of strptime such as %Y-%m-%d %H:%M:%S"
_SOME_TIME = datetime(2026, 2, 27, 16, 2, 3, tzinfo=UTC)


def _says_the_date(form: str) -> bool:
    """Whether what a pattern has written it can read again; one with a directive twice cannot."""
    try:
        return datetime.strptime(_SOME_TIME.strftime(form), form).date() == _SOME_TIME.date()
    except (ValueError, re.error):
        return False


class FixClock(Clock):
    """The time of the fix, and what else the message says about it."""

    without_fix: str | None = None
    agrees_with: Clock | None = None
    sent: Clock | None = None


class Area(_Part):
    """Where the vehicles of a source can be at all."""

    south: float = Field(ge=-90, le=90)
    north: float = Field(ge=-90, le=90)
    west: float = Field(ge=-180, le=180)
    east: float = Field(ge=-180, le=180)


class Mapping(_Part):
    """One `[[source]]` of a mapping file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    topics: Annotated[tuple[str, ...], Field(min_length=1)]
    tenant: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    device: Paths = ("{device}",)
    device_is: str | None = None
    records: Paths = ("",)
    time: FixClock
    fields: _Fields = {}
    constants: dict[str, Scalar] = {}
    area: Area | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Mapping":
        texts = (*self.device, self.tenant or "")
        if problems := _source_problems(self.topics, texts, self.fields, self.fields.keys(), self.constants):
            raise ValueError("\n".join(problems))
        return self


def _source_problems(
    topics: Sequence[str],
    texts: Sequence[str],
    fields: TableOf[str, tuple[Place, ...]],
    named: Collection[str],
    constants: TableOf[str, Any],
) -> list[str]:
    """What parts of a source that each fit do not say together; `texts` may ask for levels, `named` are all fields."""
    problems = [problem for topic in topics for problem in topic_problems(topic)]
    wanted = {level for text in texts for level in _LEVEL.findall(text)}
    problems += [
        f"topics: {topic} has no level {{{level}}}"
        for topic in topics
        for level in sorted(wanted - set(_LEVEL.findall(topic)))
    ]
    for name, places in fields.items():
        problems += [f"fields.{name}: {problem}" for place in places for problem in _place_problems(name, place)]
    for name, value in constants.items():
        problems += [f"constants.{name}: {problem}" for problem in _constant_problems(name, value)]
    problems += [f"constants.{name}: is a field as well" for name in sorted(set(named) & constants.keys())]
    if "nofix" not in named and not {"lat", "lon"} <= set(named) and "nofix" not in constants:
        problems.append("fields: lat and lon are needed, or nofix")
    return problems


def subscription_of(pattern: str) -> str:
    """The MQTT subscription of a pattern with named levels."""
    return "/".join("+" if _LEVEL.fullmatch(level) else level for level in pattern.split("/"))


def levels_of(pattern: str, topic: str) -> dict[str, str]:
    """The named levels of a topic that fits a pattern."""
    pairs = zip(pattern.split("/"), topic.split("/"), strict=False)
    return {found[1]: level for name, level in pairs if (found := _LEVEL.fullmatch(name))}


def filled(template: str, levels: dict[str, str]) -> str:
    """Put levels into a template such as `{operator}/{vehicle}`."""
    return _LEVEL.sub(lambda found: levels.get(found[1], ""), template)


def topic_problems(pattern: str) -> list[str]:
    """What keeps a pattern from being subscribed to."""
    levels = pattern.split("/")
    if not pattern or len(pattern.encode()) > 256 or any(character in pattern for character in "\0\n\r"):
        return [f"topics: {pattern!r} is not a topic"]
    problems = []
    if any(not _LEVEL.fullmatch(level) and level != "+" and re.search(r"[{}+]", level) for level in levels):
        problems.append(f"topics: {pattern} has a name or a + that does not fill its level")
    names = _LEVEL.findall(pattern)
    problems += [f"topics: {pattern} names {{{name}}} twice" for name in sorted(set(names)) if names.count(name) > 1]
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        problems.append(f"topics: {pattern} has a # that is not its last level")
    subscription = subscription_of(pattern)
    if subscription.startswith("$") or any(overlaps(subscription, tree) for tree in OUR_TREES):
        problems.append(f"topics: {pattern} would bring messages of our own tree or of the broker")
    return problems


def _place_problems(name: str, place: Place) -> list[str]:
    if name not in FIELDS:
        return [f"is not a field; expected one of {', '.join(sorted(FIELDS))}"]
    problems = []
    if name in UNITS and place.unit not in UNITS[name]:
        problems.append(f"unit is needed, one of {', '.join(UNITS[name])}")
    if name not in UNITS and place.unit is not None:
        problems.append("has no choice of units; use factor")
    if (place.on or place.off or place.otherwise is not None) and name not in SWITCHES:
        problems.append("true, false and otherwise are for switches")
    if not place.of_fix and name not in OF_THE_FIX:
        problems.append(f"of_fix is for {', '.join(sorted(OF_THE_FIX))}")
    return problems


def _constant_problems(name: str, value: Scalar) -> list[str]:
    if name not in FIELDS:
        return [f"is not a field; expected one of {', '.join(sorted(FIELDS))}"]
    if name in SWITCHES:
        fits, expected = isinstance(value, bool), "true or false"
    elif name in TEXTS:
        fits, expected = isinstance(value, str), "text"
    elif name in WHOLE:
        fits = type(value) is int and -(2**63) <= value < 2**63
        expected = "a whole number of 64 bits"
    else:
        fits, expected = isinstance(value, int | float) and _is_finite(value), "a finite number"
    return (
        []
        if fits
        else [f"{str(value) if isinstance(value, float) else repr(value):.60} does not fit; expected {expected}"]
    )


def _is_finite(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) < 1e300


class _File(_Part):
    source: Annotated[tuple[Mapping, ...], Field(min_length=1)]


def read_mappings(path: Path) -> list[Mapping]:
    """Read the sources of a mapping file; raise MappingError naming everything that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MappingError([f"{path.name}: {error.strerror}"]) from error
    except (ValueError, RecursionError) as error:
        raise MappingError([f"{path.name}: is not TOML: {error}"]) from error
    try:
        return list(_File.model_validate(document).source)
    except ValidationError as error:
        details: list[Any] = error.errors()
        details += _problems_of_the_rest(document, details)
        raise MappingError(problem_lines(path.name, document, details, _KEYS)) from error


def _problems_of_the_rest(document: dict[str, Any], details: list[Any]) -> Iterator[Any]:
    """What is wrong with the parts that fit, of sources with parts that do not: all of it is to be said at once."""
    sources = document.get("source")
    for number, raw in enumerate(sources if isinstance(sources, list) else ()):
        wrong = [detail["loc"][2:] for detail in details if detail["loc"][:2] == ("source", number)]
        if not isinstance(raw, dict) or not wrong or () in wrong:
            continue
        keys = {loc[0] for loc in wrong}
        fitting = {key: value for key, value in raw.items() if key not in keys}
        fields, constants = (
            value if isinstance(value := raw.get(key), dict) else {} for key in ("fields", "constants")
        )
        places = {name: value for name, value in fields.items() if ("fields", name) not in {loc[:2] for loc in wrong}}
        values = {name: value for name, value in constants.items() if isinstance(value, Scalar)}
        texts = [*_listed(fitting.get("device", "{device}" if "device" not in keys else "")), fitting.get("tenant", "")]
        problems = _source_problems(
            fitting.get("topics", ()), texts, TypeAdapter(_Fields).validate_python(places), fields.keys(), values
        )
        if problems:
            yield {"loc": ("source", number), "type": "value_error", "msg": "\n".join(problems)}


def _keys(kind: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


_KEYS = {
    "source": _keys(Mapping),
    "time": _keys(FixClock),
    "sent": _keys(Clock),
    "agrees_with": _keys(Clock),
    "area": _keys(Area),
    "fields": _keys(Place),
}
