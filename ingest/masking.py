"""How are card numbers and PINs kept from leaving the spool?

A run of 13 to 19 digits that passes the Luhn check, with spaces, dashes, points, commas, slashes or underscores between
them or not, is a card number: all but its last four digits become `*`. Whatever a field called PIN holds becomes
`****`, also where a text names it (`PIN: 1234`). The parsed document is walked, keys included, so that no way of
writing JSON hides a digit; only what is not JSON is masked as text, and what is not UTF-8 text either is not kept.
"""

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, NamedTuple

from ingest.native import MAX_PAYLOAD_BYTES

HIDDEN = "****"
_LENGTHS = range(13, 20)
_SPACES = r"\s\u00ad\u200b-\u200f\u2060\ufeff"
_RUN = re.compile(rf"\\u[0-9a-fA-F]{{4}}|\d(?:[{_SPACES}\-\u2010-\u2015\u2212._/,]{{0,3}}\d){{12,}}")
_DECIMAL = re.compile(r"[.,]")
_SPLIT_BYTES = 1_024  # more than a card number takes, however its digits are escaped and spaced
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
_PIN_WORDS = re.compile(
    r"(?:account|card|customer|driver|employee|entered|fleet|fuel|member|operator|personal|pump|secret|truck|user"
    r"|vehicle)?pin(?:s|block|code|data|entry|hash|no|number|value)?|personalidentificationnumber"
)
_MAY_NAME_PIN = re.compile(r"pin|identification", re.IGNORECASE)
_VALUE_WORDS = frozenset({"answer", "content", "data", "entry", "input", "response", "text", "val", "value"})
_LONGEST_NAME = 64
# In a text: `pin=1234`, `PIN: 1234`, `<pin>1234`, and `pin 1234` where digits follow.
_PIN_TEXT = re.compile(
    r"""(?<![A-Za-z0-9_\-])(?=[A-Za-z0-9_\-]{0,40}pin)([A-Za-z0-9_\-]{1,48})"""
    r"""(?:\s{0,4}[:=>]\s{0,4}["']?|\s{0,4}[\s#,;|]\s{0,4}(?=\d{3,12}(?!\d)))([^\s"'<>&,;{}\[\]\\]+)""",
    re.IGNORECASE,
)
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
    """Cut the card numbers of a payload to their last four digits and remove its PINs.

    Of a payload that is too large to be decoded only the beginning is left, and of one that holds NUL, as UTF-16 does,
    only its length: in bytes of another encoding no digit can be told.
    """
    if b"\0" in payload or payload.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return Masked(b"%d bytes that are not UTF-8 text, not kept" % len(payload), is_json=False)
    if len(payload) > MAX_PAYLOAD_BYTES:
        # A card number that the cut goes through is not seen as one, so its beginning goes as well.
        return Masked(_as_text(payload[:MAX_PAYLOAD_BYTES])[:-_SPLIT_BYTES], is_json=False)
    try:
        document = _parsed(payload.decode())
        hidden = _hidden(document, "")
        # A payload without anything to hide stays as it was sent, byte by byte.
        return Masked(payload if hidden == document else _encoded(hidden), is_json=True)
    except (ValueError, RecursionError):
        return Masked(_as_text(payload), is_json=False)


def _as_text(payload: bytes) -> bytes:
    return masked_text(payload.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def masked_text(text: str, key: str = "") -> str:
    """Mask a text; of a `provider_txn_id` so that two of one ending stay two."""
    return _hidden_text(text, key)


def masked_document(document: dict[str, Any]) -> dict[str, Any]:
    """Mask what was parsed already."""
    return dict(json.loads("".join(_written(_hidden(_parsed(json.dumps(document)), "")))))


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
        # {"name": "PIN", "value": "1234"}
        names_pin = any(isinstance(one, str) and len(one) <= _LONGEST_NAME and is_pin(one) for _, one in value)
        return _Object(tuple((_hidden_text(name, ""), _member(inner, name, names_pin)) for name, inner in value))
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


def _member(value: Any, key: str, names_pin: bool) -> Any:
    holds_pin = is_pin(key) or (names_pin and _VALUE_WORDS.intersection(word.lower() for word in _WORD.findall(key)))
    return _without_values(value) if holds_pin else _hidden(value, key)


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
    if _MAY_NAME_PIN.search(hidden):
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
    return _without_pin_texts("".join([*parts, text[place:]]))


def _without_pin_texts(text: str) -> str:
    parts, place = [], 0
    while found := _PIN_TEXT.search(text, place):
        holds_pin = is_pin(found[1])
        parts.append(text[place : found.start(2)] + HIDDEN if holds_pin else text[place : found.end(1)])
        place = found.end() if holds_pin else found.end(1)
    return "".join([*parts, text[place:]])


def _hidden_run(found: re.Match[str], key: str) -> str:
    """Hide the card numbers of a run of digits: some of its groups in a row have the length and pass the check."""
    run, text = found.group(), found.string
    if run.startswith("\\"):
        return run  # an escape that stays one
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run)]
    if key in _TIME_KEYS and _TIME.fullmatch("".join(run[start:end] for start, end in groups)):
        return run
    around = max(0, found.start() - _UUID_LENGTH)
    is_uuid = bytearray(len(run))
    for one in _UUID.finditer(text, around, found.end() + _UUID_LENGTH):
        start, end = (min(max(0, place - found.start()), len(run)) for place in one.span())
        is_uuid[start:end] = b"\1" * (end - start)
    is_shown = [True] * len(run)
    suffix = ""
    for first, last in _card_numbers(run, groups):
        start, end = groups[first][0], groups[last][1]
        if first == last and _is_fraction(text, found.start() + start):
            continue
        if first != last and (1 in is_uuid[start:end] or _are_decimals(run, groups[first : last + 1])):
            continue
        places = [place for place in range(start, end) if run[place].isdecimal()]
        for place in places[:-4]:
            is_shown[place] = False
        digits = "".join(run[place] for place in places)
        # Long transaction numbers pass the Luhn check one time in ten; sixteen bits keep those that end alike apart
        # and leave millions of card numbers possible.
        suffix = "-" + blake2b(digits.encode(), digest_size=2).hexdigest() if key == "provider_txn_id" else ""
    return "".join(sign if shown else "*" for sign, shown in zip(run, is_shown, strict=True)) + suffix


def _is_fraction(text: str, start: int) -> bool:
    return start >= 2 and text[start - 1] == "." and text[start - 2].isdecimal()


def _are_decimals(run: str, groups: list[tuple[int, int]]) -> bool:
    """Whether points or commas stand as in numbers, such as two coordinates, and not between the groups of a card."""
    if not _DECIMAL.search(run, groups[0][0], groups[-1][1]):
        return False
    sizes = [end - start for start, end in groups]
    return len(sizes) < 3 or (min(sizes[:-1]) < 4 and len(set(sizes)) > 1)


def _card_numbers(run: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last group of every card number among groups of digits.

    What the Luhn check adds up is kept from the first digit on, once with the even places doubled and once with the odd
    ones, so that each piece of the run is a difference of two sums and hostile runs cost no more than long ones.
    """
    sums: tuple[list[int], list[int]] = ([0], [0])
    group_at: dict[int, int] = {}
    place = 0
    for number, (start, end) in enumerate(groups):
        group_at[place] = number
        for digit in map(int, run[start:end]):
            doubled = digit * 2 - 9 if digit > 4 else digit * 2
            sums[place % 2].append(sums[place % 2][-1] + digit)
            sums[1 - place % 2].append(sums[1 - place % 2][-1] + doubled)
            place += 1
        added = sums[(place - 1) % 2]  # in which the last digit is not doubled
        for length in _LENGTHS:
            first = group_at.get(place - length)
            if first is not None and (added[place] - added[place - length]) % 10 == 0:
                yield first, number
