"""How are card numbers and PINs kept from leaving the spool?

A run of 13 to 19 digits that passes the Luhn check is a card number: all but its last four digits become `*`.
A field called PIN loses its value whole. Applied to the bytes, so that rejects are masked as well.
"""

import re
from hashlib import blake2b

_DIGITS = re.compile(rb"(?<![\d.])(-?)(\d{13,19})(?!\d)((?:\.\d+)?(?:[eE][+-]?\d+)?)")
_TRANSACTION_ID = re.compile(rb'"provider_txn_id"\s*:\s*"?$')
_QUOTE = re.compile(rb'\\.|"')
_PIN = re.compile(rb'("(?:card_)?pin(?:_code)?"\s*:\s*)("(?:[^"\\]|\\.)*"|-?\d+)', re.IGNORECASE)


def masked(payload: bytes) -> bytes:
    """The payload with card numbers cut to their last four digits and PINs removed."""
    quotes = _Quotes(payload)
    return _PIN.sub(rb'\1"****"', _DIGITS.sub(lambda found: _mask(found, quotes), payload))


def _mask(found: re.Match[bytes], quotes: "_Quotes") -> bytes:
    sign, digits, rest = found.groups()
    if not passes_luhn(digits):
        return found.group()
    hidden = b"*" * (len(digits) - 4) + digits[-4:]
    if _TRANSACTION_ID.search(found.string, max(0, found.start() - 40), found.start()):
        # Long transaction numbers pass the Luhn check one time in ten; sixteen bits keep those that end alike apart
        # and leave millions of card numbers possible.
        hidden += b"-" + blake2b(digits, digest_size=2).hexdigest().encode()
    if quotes.are_open_at(found.start()):
        return sign + hidden + rest
    return b'"' + hidden + b'"'  # a bare number, sign, fraction and exponent with it: it must stay valid JSON


class _Quotes:
    """Whether a place of a JSON document lies within quotes: behind an odd number of unescaped ones.

    Places are asked for in ascending order, so a payload full of numbers is walked over once.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._place = 0
        self._are_open = False

    def are_open_at(self, place: int) -> bool:
        count = _QUOTE.findall(self._payload, self._place, place).count(b'"')
        self._are_open ^= bool(count % 2)
        self._place = place
        return self._are_open


def passes_luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1 annex B: doubled every second digit from the right, the digit sums divide by ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = digit - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0
