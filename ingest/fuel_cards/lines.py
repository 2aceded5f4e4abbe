"""What does each line of a provider's file say, as a canonical `txn` document?

    cells -> document -> masked message -> decoded as every message is

A line that cannot be read is a problem with its number and reason; whoever imports takes a file without problems or
not at all. Card numbers are masked before anything leaves this module.
"""

import re
import time
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest.decode import decode
from ingest.fuel_cards.cells import amount, day, moment, whole
from ingest.fuel_cards.mapping import CHOICES, DATES, MONEY, NUMBERS, WHOLE, Mapping, Place
from ingest.fuel_cards.products import code_set_name
from ingest.fuel_cards.reading import Cell, Line, key_of, read_file
from ingest.fuel_cards.units import unit_of
from ingest.masking import masked
from ingest.open_segment import Message
from ingest.received import Received, payload_hash
from ingest.topics import parse_topic

SHOWN_CHARACTERS = 60
KEY = ("provider_txn_id", "item_no", "event_type", "seq")
REASONS = {
    "missing_field": "no number of the transaction, and no card and time to make a key of",
    "clock_ahead": "the time is more than a day ahead",
    "wrong_type": "a value is out of range, or a time zone is not known",
    "too_large": "more than 64 KiB",
}


class Problem(NamedTuple):
    """A line that cannot be taken; None: the file."""

    line: int | None
    reason: str


class Taken(NamedTuple):
    """What a file would become: messages, their rows as decoded, and what is wrong.

    `absent` names the columns of the mapping that the file does not have, `repeated` the lines that say what an
    earlier one said.
    """

    messages: list[Message]
    rows: list[dict[str, Any]]
    problems: list[Problem]
    absent: list[str]
    repeated: list[int]


def taken(mapping: Mapping, path: Path, topic: str, timezone: str | None = None) -> Taken:
    """Read a file as messages of `topic`; raise UnreadableFile.

    `timezone` is the zone of local times where neither the line nor the mapping knows a better one.
    """
    read = read_file(mapping, path)
    absent = _absent(mapping, read.columns)
    problems = [Problem(None, f"no column {name}") for name in absent if name in _needed(mapping)]
    if not read.lines and not problems:
        problems.append(Problem(None, "no lines"))
    if problems:
        return Taken([], [], problems, absent, [])
    received_us = time.time_ns() // 1000
    names = {key_of(name): name for name in read.columns}
    documents: list[tuple[int, Message]] = []
    for line in read.lines:
        try:
            document = _document(mapping, line, names, timezone)
        except ValueError as error:
            problems.append(Problem(line.number, masked_text(str(error))))
            continue
        document |= {"source_file": path.name, "source_row": line.number}
        payload = masked(msgspec.json.encode(document)).payload
        documents.append((line.number, Message(topic, payload, received_us, 1, False, None)))
    return _checked(documents, problems, absent)


def masked_text(text: str) -> str:
    """A text for people, without card numbers."""
    return masked(text.encode()).payload.decode(errors="replace")


def _checked(documents: Iterable[tuple[int, Message]], problems: list[Problem], absent: list[str]) -> Taken:
    """Decode the messages as the line will, and compare lines that have one key."""
    found = Taken([], [], problems, absent, [])
    first_of: dict[tuple[Any, ...], tuple[int, int]] = {}
    numbers = []
    received = []
    for number, message in documents:
        numbers.append((number, message))
        received.append(
            Received(
                message.topic,
                parse_topic(message.topic),
                message.payload,
                message.received_us,
                False,
                "",
                number,
                payload_hash(message.payload),
            )
        )
    decoded = decode(received, max_age_days=0)
    for row in decoded.rejects.to_pylist():
        problems.append(Problem(row["segment_no"], REASONS.get(row["reason"], row["reason"])))
    rows = {row["segment_no"]: row for row in decoded.purchases.to_pylist()}
    for number, message in numbers:
        row = rows.get(number)
        if row is None:
            continue
        key = tuple(row[name] for name in KEY)
        earlier, content = first_of.setdefault(key, (number, row["content_hash"]))
        if content != row["content_hash"]:
            problems.append(
                Problem(
                    number,
                    f"same transaction and item as line {earlier} with other values: map a column to item_no or seq",
                )
            )
        elif earlier != number:
            found.repeated.append(number)
        else:
            found.messages.append(message)
            found.rows.append(row)
    problems.sort(key=lambda problem: problem.line or 0)
    return found


def _absent(mapping: Mapping, columns: list[str]) -> list[str]:
    """Columns of the mapping that are not there, where none of their alternatives is."""
    there = set(map(key_of, columns))
    groups = [(place.column or place.columns[:1]) for place in mapping.fields.values() if not place.sum]
    return sorted({group[0] for group in (*groups, mapping.when.column) if not there & set(map(key_of, group))})


def _needed(mapping: Mapping) -> set[str]:
    """Without which columns a file of this provider says nothing: the time, and what the mapping requires."""
    needed = {mapping.when.column[0]}
    for name in _required(mapping):
        place = mapping.fields.get(name)
        if place is not None:
            needed |= set(place.columns[:1])
    return needed


def _required(mapping: Mapping) -> tuple[str, ...]:
    if mapping.required is not None:
        return mapping.required
    return ("provider_txn_id",) if "provider_txn_id" in mapping.fields else ()


def _document(mapping: Mapping, line: Line, names: dict[str, str], timezone: str | None) -> dict[str, Any]:
    used = set(map(key_of, mapping.drop))
    document: dict[str, Any] = {"v": 1, **mapping.constants}
    for name, place in mapping.fields.items():
        used |= set(map(key_of, place.columns))
        value = _value(mapping, name, place, line)
        if value is not None:
            document[name] = value
    used |= set(map(key_of, mapping.when.column))
    _add_time(mapping, line, document, timezone)
    if mapping.when.zone_column is not None:
        used.add(key_of(mapping.when.zone_column))
    _settle(mapping, document)
    missing = [name for name in _required(mapping) if name not in document]
    if missing:
        raise ValueError(f"{', '.join(missing)}: missing")
    if "event_type" not in document:
        raise ValueError("event_type: missing")
    rest = {names.get(key, key): str(cell) for key, cell in line.cells.items() if key not in used}
    if rest:
        document["columns"] = rest
    return document


def _add_time(mapping: Mapping, line: Line, document: dict[str, Any], timezone: str | None) -> None:
    when = mapping.when
    cells = [line.cells[key] for key in map(key_of, when.column) if key in line.cells]
    if not cells:
        raise ValueError(f"{when.column[0]}: missing")
    try:
        found = moment(cells, when)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{when.column[0]}={_shown(cells)}: {error}") from error
    document |= {name: value for name, value in found._asdict().items() if value is not None}
    zone = None if when.zone_column is None else line.cells.get(key_of(when.zone_column))
    if zone is not None:
        document["tz"] = str(zone)
    provider_zone = timezone if when.zone in ("site", "offset") else when.zone
    if provider_zone is not None and found.ts_utc is None:
        document["provider_tz"] = provider_zone


def _value(mapping: Mapping, name: str, place: Place, line: Line) -> Any:
    cells = [(column, line.cells[key_of(column)]) for column in place.columns if key_of(column) in line.cells]
    cells = [(column, cell) for column, cell in cells if str(cell) not in place.unknown]
    if place.join:
        return "-".join(str(cell) for _, cell in cells) if len(cells) == len(place.join) else None
    if not cells:
        return None
    column, cell = cells[0]
    try:
        if place.sum:
            return str(_signed(sum((amount(each, mapping.file.decimal) for _, each in cells), Decimal(0)), place))
        return _one(mapping, name, place, cell)
    except (ValueError, OverflowError, ArithmeticError) as error:
        raise ValueError(f"{column}={_shown([cell])}: {error}") from error


def _one(mapping: Mapping, name: str, place: Place, cell: Cell) -> Any:
    if place.pattern is not None:
        fitting = re.search(place.pattern, str(cell))
        if fitting is None or not fitting[1]:
            return None
        cell = fitting[1].strip()
    if place.values:
        by_text = {text.casefold(): value for text, value in place.values.items()}
        meant = by_text.get(str(cell).casefold())
        if meant is not None or name == "product":
            return meant
    if name in MONEY:
        return str(_signed(amount(cell, mapping.file.decimal), place).scaleb(-place.decimals))
    if name in WHOLE:
        return whole(cell, mapping.file.decimal)
    if name in NUMBERS:
        return float(amount(cell, mapping.file.decimal))
    if name in DATES:
        return day(cell, place.format).isoformat()
    if name == "unit":
        cell = unit_of(str(cell)) or str(cell)
    if name == "seq":
        return _sequence(str(cell))
    if name in CHOICES and str(cell) not in CHOICES[name]:
        raise ValueError(f"is none of {', '.join(sorted(CHOICES[name]))}; say in the mapping what it means (values)")
    return str(cell).upper() if name == "currency" else str(cell)


def _sequence(text: str) -> str:
    """The provider's order of versions; a time of the last change counts as microseconds."""
    try:
        changed = datetime.fromisoformat(text)
    except ValueError:
        return text
    return str(round(changed.timestamp() * 1e6)) if changed.tzinfo is not None else text


def _signed(value: Decimal, place: Place) -> Decimal:
    if place.sign == "negated":
        return -value
    if place.sign == "negative":
        return -abs(value)
    return abs(value) if place.sign == "positive" else value


def _settle(mapping: Mapping, document: dict[str, Any]) -> None:
    """What one field says about another: 0, 0 is no place, and the provider's own codes are products."""
    if document.get("lat", 0) == 0 and document.get("lon", 0) == 0:
        document.pop("lat", None)
        document.pop("lon", None)
    own = mapping.code_sets.get(document.get("code_set", ""))
    if own is not None and "product_code" in document and "product" not in document:
        product = own.get(document["product_code"])
        if product is not None:
            document["product"] = product
    if "code_set" in document:
        document["code_set"] = code_set_name(document["code_set"])
    if "product_code" not in document:
        document.pop("code_set", None)


def _shown(cells: list[Cell]) -> str:
    text = " ".join(map(str, cells))
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")
