"""How does a TOML file describe the files of a fuel-card provider, and is what it says complete?

docs/fuel-cards.md explains the keys. Everything wrong in a mapping is reported together, each line with its key.
"""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ingest.fuel_cards.products import code_set_name, code_sets, products_by_name
from ingest.fuel_cards.units import UNITS
from ingest.native import Purchase
from ingest.settings import is_known_zone

KINDS = {name: kind for name, kind in get_type_hints(Purchase).items() if not name.startswith(("ts_", "source_"))}
MONEY = frozenset(name for name, kind in KINDS.items() if Decimal in get_args(kind))
DATES = frozenset({"posted_date"})
NUMBERS = frozenset({"lat", "lon"})
WHOLE = frozenset({"item_no", "odometer_typed"})
FIELDS = frozenset(KINDS) - {"v", "provider", "tz", "provider_tz"}
EVENT_TYPES = frozenset({"auth", "auth_reversal", "decline", "clear", "post", "adjust"})
CHOICES = {"event_type": EVENT_TYPES, "unit": UNITS, "odometer_unit": frozenset({"mi", "km", "m"})}


class MappingError(Exception):
    """A mapping does not fit; `problems` holds one line for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Columns = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Part):
    """Where a field is, and how it is written there."""

    column: Columns = Field(default=())  # the first with a value counts
    sum: Columns = Field(default=())  # amounts that are added up
    join: Columns = Field(default=())  # texts that make up one, with `-` between them
    values: dict[str, str] = {}
    unknown: tuple[str, ...] = ()
    pattern: str | None = None
    format: str = "iso"
    decimals: int = Field(0, ge=0, le=9)
    sign: Literal["as_is", "negated", "negative", "positive"] = "as_is"

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column it may look at."""
        return self.column + self.sum + self.join

    @model_validator(mode="after")
    def _one_way(self) -> "Place":
        if sum(map(bool, (self.column, self.sum, self.join))) != 1:
            raise ValueError("needs one of column, sum and join")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"pattern is no regular expression: {error}") from error
            if groups != 1:
                raise ValueError("pattern needs one group, the part that is the value")
        return self


def _placed(value: Any) -> Any:
    return {"column": value} if isinstance(value, str | list) else value


class When(_Part):
    """When a purchase was: the columns that hold date and time, their format, and whose clock it is."""

    column: Columns
    format: str
    date_format: str | None = None  # of rows whose time of day is blank
    zone: str  # offset, site, or an IANA zone
    zone_column: str | None = None
    midnight_is_date: bool = False

    @model_validator(mode="after")
    def _readable(self) -> "When":
        if self.zone not in ("offset", "site") and not is_known_zone(self.zone):
            raise ValueError("zone is offset (in the value), site (not known here) or an IANA zone such as UTC")
        for form in filter(None, (self.format, self.date_format)):
            if form not in ("iso", "epoch_s", "epoch_ms") and not {"%d", "%j"} & set(re.findall("%[a-zA-Z]", form)):
                raise ValueError(f"format {form!r} is none of iso, epoch_s, epoch_ms or a pattern such as %m/%d/%Y")
        return self


class Layout(_Part):
    """How the file itself is written."""

    format: Literal["table", "fixed", "json"] = "table"  # a table is CSV or XLSX, as the name of the file says
    encoding: str = "utf-8"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    header: bool = True
    skip_lines: int = Field(0, ge=0, le=100)
    sheet: str | None = None
    columns: tuple[str, ...] = ()  # of a table without a header, in order
    positions: dict[str, tuple[int, int]] = {}  # of a fixed-width file: first and last character, from 1
    records: str = ""  # of JSON: the key of the list
    decimal: Literal[".", ","] = "."
    zero_pad: dict[str, int] = {}  # digits a column has, where spreadsheets drop leading zeros

    @model_validator(mode="after")
    def _complete(self) -> "Layout":
        if self.format == "fixed" and not self.positions:
            raise ValueError("a fixed-width file needs positions")
        if self.format == "table" and not self.header and not self.columns:
            raise ValueError("a table without a header needs columns")
        wrong = [name for name, (first, last) in self.positions.items() if not 1 <= first <= last]
        if wrong:
            raise ValueError(f"positions of {', '.join(wrong)}: the first character, from 1, and the last")
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding {self.encoding!r} is not known; utf-8, cp1252, utf-16 are") from error
        return self


class Mapping(_Part):
    """One mapping file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    about: str = ""
    source: str = ""
    file: Layout = Field(default_factory=lambda: Layout.model_validate({}))
    when: When
    fields: dict[str, Annotated[Place, BeforeValidator(_placed)]]
    constants: dict[str, str] = {}
    required: tuple[str, ...] | None = None  # fields every line has; by default the number of the transaction
    drop: tuple[str, ...] = ()  # columns that are not kept, such as PINs
    code_sets: dict[str, dict[str, str]] = {}  # the provider's own codes

    @model_validator(mode="after")
    def _fits(self) -> "Mapping":
        problems = [f"fields.{name}: {text}" for name, place in self.fields.items() for text in _problems(name, place)]
        problems += [
            f"constants.{name}: {text}" for name, value in self.constants.items() for text in _odd(name, value)
        ]
        both = self.fields.keys() & self.constants.keys()
        problems += [f"constants.{name}: is a field as well" for name in sorted(both)]
        given = self.fields.keys() | self.constants.keys()
        problems += [
            f"required: {name} is no field of this mapping" for name in self.required or () if name not in given
        ]
        problems += self._unnamed_codes(given)
        if "event_type" not in given:
            problems.append(f"event_type is needed, a column or a constant: one of {', '.join(sorted(EVENT_TYPES))}")
        if "provider_txn_id" not in given and not {"card_id", "card_last4"} & given:
            problems.append("provider_txn_id is needed, or card_id for a key made of card, time, site and amount")
        if MONEY & given - {"quantity"} and "currency" not in given:
            problems.append("currency is needed, a column or a constant such as USD")
        if "quantity" in given and "unit" not in given:
            problems.append(f"unit is needed beside quantity: one of {', '.join(sorted(UNITS))}")
        if "odometer_typed" in given and "odometer_unit" not in given:
            problems.append("odometer_unit is needed beside odometer_typed: mi, km or m")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _unnamed_codes(self, given: set[str]) -> list[str]:
        problems = []
        known = code_sets() | self.code_sets.keys()
        named = self.constants.get("code_set")
        if "product_code" in given and "code_set" not in given:
            problems.append(
                "product_code needs a code_set, because a code means something else in every set:"
                f" one of {', '.join(sorted(known))}"
            )
        if named is not None and code_set_name(named) not in known:
            problems.append(f"constants.code_set: {named!r} is none of {', '.join(sorted(known))}")
        for code_set, codes in self.code_sets.items():
            wrong = sorted(set(codes.values()) - products_by_name().keys())
            problems += [f"code_sets.{code_set}: {name!r} is no product (docs/fuel-cards.md)" for name in wrong]
        return problems


def _problems(name: str, place: Place) -> list[str]:
    if name not in FIELDS:
        return [f"not a field; there are {', '.join(sorted(FIELDS))}"]
    problems = []
    allowed = products_by_name().keys() if name == "product" else CHOICES.get(name)
    if allowed is not None:
        problems += [f"value {value!r} is not known" for value in place.values.values() if value not in allowed]
    if (place.sum or place.decimals or place.sign != "as_is") and name not in MONEY:
        problems.append("sum, decimals and sign are for amounts")
    return problems


def _odd(name: str, value: str) -> list[str]:
    if name not in FIELDS:
        return [f"not a field; there are {', '.join(sorted(FIELDS))}"]
    allowed = products_by_name().keys() if name == "product" else CHOICES.get(name)
    return [] if allowed is None or value in allowed else [f"{value!r} is none of {', '.join(sorted(allowed))}"]


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; raise MappingError naming everything that is wrong."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise MappingError([line for detail in error.errors() for line in _lines(path, detail)]) from error


def _lines(path: Path, detail: Any) -> list[str]:
    where = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    return [f"{path.name}: {where + ': ' if where else ''}{line}" for line in message.splitlines()]
