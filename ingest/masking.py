"""How are card numbers and PINs kept from leaving the spool?

A run of 13 to 19 digits that passes the Luhn check, with spaces or dashes between them or not, is a card number: all
but its last four digits become `*`. Whatever a field called PIN holds becomes `****`. The parsed document is walked,
keys included, so that no way of writing JSON hides a digit; only what is not JSON is masked as text.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, NamedTuple

HIDDEN = "****"
_LENGTHS = range(13, 20)
_SPACES = r"\s\u00ad\u200b-\u200f\u2060\ufeff"
_RUN = re.compile(rf"\\u[0-9a-fA-F]{{4}}|\d(?:[{_SPACES}\-\u2010-\u2015\u2212]{{0,3}}\d){{12,}}")
_SCIENTIFIC = re.compile(r"(?<![\d.])\d+(?:\.\d+)?[eE][+-]?\d{1,3}(?!\d)")  # as spreadsheets write long numbers
_GROUP = re.compile(r"\d+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_LENGTH = 36
# The provider's order of versions and times may be as long as a card number; none in use begins like these.
_TIME = re.compile(
    r"1[4-9](?:\d{11}|\d{14}|\d{17})"  # milliseconds, microseconds, nanoseconds since 1970
    r"|20[1-3]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}(?:\d{3})?"  # 20260227160205
)
_TIME_KEYS = frozenset({"seq", "ts", "ts_utc", "ts_local", "sent", "posted_date", "issued_utc"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PIN_WORDS = re.compile(r"(?:card|driver|user|customer|employee)?pin(?:s|code|no|number|block|data)?")
_PIN_KEY = re.compile(r"""(?<!\\)\\*["']([^"'\\]{1,64})\\*["']\s*[:=]\s*""")
_PIN_VALUE = re.compile(r"""(\\+)(["']).*?(?:\1\2|$)|"(?:[^"\\]|\\.)*(?:"|\\?$)|'[^']*(?:'|$)|[-+\w.]+""", re.DOTALL)
# Escapes of whatever is not part of the form of JSON: no quote, backslash, control character or half of a pair.
_ESCAPE = re.compile(r"(?<!\\)\\+u(?!00[01]|0022|005c|d[89a-f])([0-9a-f]{4})", re.IGNORECASE)


class Masked(NamedTuple):
    """A payload without card numbers, and whether it is JSON that may be decoded."""

    payload: bytes
    is_json: bool


class _Number(str):
    """A number as it was written, so that nothing is rounded."""


class _Object(tuple[tuple[str, Any], ...]):
    """The members of an object; a key may be there twice."""


def masked(payload: bytes) -> Masked:
    """Cut the card numbers of a payload to their last four digits and remove its PINs."""
    try:
        document = _parsed(payload.decode())
        hidden = _hidden(document, "")
        # A payload without anything to hide stays as it was sent, byte by byte.
        return Masked(payload if hidden == document else _encoded(hidden), is_json=True)
    except (ValueError, RecursionError):
        text = payload.decode("utf-8", "surrogateescape")
        hidden_text = _hidden_text(text, "")
        sent = payload if hidden_text == text else hidden_text.encode("utf-8", "surrogateescape")
        return Masked(sent, is_json=False)


def _parsed(text: str) -> Any:
    return json.loads(
        text,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_Number,
        object_pairs_hook=lambda pairs: _Object(tuple(pairs)),
    )


def _encoded(document: Any) -> bytes:
    # A lone surrogate cannot be UTF-8; this writes it as JSON does.
    return "".join(_written(document)).encode("utf-8", "backslashreplace")


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, _Number):
        yield value
    elif isinstance(value, _Object | list):
        opening, closing = "{}" if isinstance(value, _Object) else "[]"
        yield opening
        for place, member in enumerate(value):
            if place:
                yield ","
            if isinstance(value, _Object):
                key, member = member
                yield json.dumps(key, ensure_ascii=False) + ":"
            yield from _written(member)
        yield closing
    else:
        yield json.dumps(value, ensure_ascii=False)


def _hidden(value: Any, key: str) -> Any:
    if isinstance(value, _Object):
        return _Object(tuple((_hidden_text(name, ""), _member(inner, name)) for name, inner in value))
    if isinstance(value, list):
        return [_hidden(inner, key) for inner in value]
    if isinstance(value, _Number):
        return _hidden_number(value, key)
    if not isinstance(value, str):
        return value
    if value.lstrip()[:1] in ("{", "[", '"'):
        try:
            inner = _parsed(value)
        except ValueError:
            return _hidden_text(value, key)
        hidden = _hidden(inner, key)
        return value if hidden == inner else _encoded(hidden).decode()
    return _hidden_text(value, key)


def _member(value: Any, key: str) -> Any:
    return _without_values(value) if is_pin(key) else _hidden(value, key)


def _without_values(value: Any) -> Any:
    if isinstance(value, _Object):
        return _Object(tuple((_hidden_text(name, ""), _without_values(inner)) for name, inner in value))
    if isinstance(value, list):
        return [_without_values(inner) for inner in value]
    return HIDDEN if isinstance(value, str) else value


def is_pin(key: str) -> bool:
    """Whether a field holds a PIN by its name: `driver_pin`, `pinCode`, `card-PIN`, not `shipping` or `pinned`."""
    words = [word.lower() for word in _WORD.findall(key)]
    return any(map(_PIN_WORDS.fullmatch, [*words, "".join(words)]))


def _hidden_number(number: _Number, key: str) -> str:
    for digits in (_whole_part(number), _GROUP.findall(number)[:1]):
        hidden = [_hidden_text(one, key) for one in digits]
        if hidden != digits:
            return hidden[0]
    return number


def _whole_part(number: str) -> list[str]:
    """The digits before the point, if they are as many as a card number has."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        return []
    return [str(abs(int(value)))] if value.is_finite() and value.adjusted() + 1 in _LENGTHS else []


def _hidden_text(text: str, key: str) -> str:
    """Mask a text; with the escapes of letters and digits resolved if there is something to mask."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "\\" in text else text
    hidden = _RUN.sub(lambda found: _hidden_run(found, key), plain)
    hidden = _SCIENTIFIC.sub(lambda found: _hidden_number(_Number(found.group()), key), hidden)
    if "pin" in hidden.lower():
        hidden = _without_pins(hidden)
    return text if hidden == plain else hidden


def _without_pins(text: str) -> str:
    parts, place = [], 0
    while found := _PIN_KEY.search(text, place):
        value = _PIN_VALUE.match(text, found.end()) if is_pin(found[1]) else None
        parts.append(text[place : found.end()] if value else text[place : found.start() + 1])
        if value:
            parts.append(f'"{HIDDEN}"')
        place = value.end() if value else found.start() + 1
    return "".join([*parts, text[place:]])


def _hidden_run(found: re.Match[str], key: str) -> str:
    """Hide the card numbers of a run of digits: some of its groups in a row have the length and pass the check."""
    run, text = found.group(), found.string
    if run.startswith("\\"):
        return run  # an escape that stays one
    if key in _TIME_KEYS and _TIME.fullmatch(run):
        return run
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run)]
    around = max(0, found.start() - _UUID_LENGTH)
    uuids = [one.span() for one in _UUID.finditer(text, around, found.end() + _UUID_LENGTH)]
    is_shown = [True] * len(run)
    suffix = ""
    for first, last in _card_numbers(run, groups):
        start, end = found.start() + groups[first][0], found.start() + groups[last][1]
        if first == last and _is_fraction(text, start):
            continue
        if first != last and any(start < to and end > at for at, to in uuids):
            continue
        places = [place for place in range(groups[first][0], groups[last][1]) if run[place].isdecimal()]
        for place in places[:-4]:
            is_shown[place] = False
        digits = "".join(run[place] for place in places)
        # Long transaction numbers pass the Luhn check one time in ten; sixteen bits keep those that end alike apart
        # and leave millions of card numbers possible.
        suffix = "-" + blake2b(digits.encode(), digest_size=2).hexdigest() if key == "provider_txn_id" else ""
    return "".join(sign if shown else "*" for sign, shown in zip(run, is_shown, strict=True)) + suffix


def _is_fraction(text: str, start: int) -> bool:
    return start >= 2 and text[start - 1] == "." and text[start - 2].isdecimal()


def _card_numbers(run: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last group of every card number among groups of digits."""
    for last in range(len(groups)):
        digits = ""
        for first in range(last, -1, -1):
            digits = run[slice(*groups[first])] + digits
            if len(digits) >= _LENGTHS.stop:
                break
            if len(digits) in _LENGTHS and passes_luhn(digits):
                yield first, last


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: doubled every second digit from the right, the digit sums divide by ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0
