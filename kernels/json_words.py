"""How are the keys and numbers of a message read eight bytes at a time?

A key is compared as a word of eight bytes, and a second one if it is longer. Where the next key is another than the one
that was expected, the word itself says by a perfect hash which key it could be.
"""

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kernels.compiled import part
from kernels.point_cells import ENVELOPE, KEYS

ALL_KEYS = (*KEYS, *ENVELOPE)
POWERS = np.array([10.0**digits for digits in range(19)])
WHOLE_POWERS = np.array([10**digits for digits in range(19)], np.uint64)
EIGHT = np.uint64(8)
COUNT_BITS = np.uint64(4)  # of a number of digits, beside their value
MOST_DIGITS = np.uint64(18)
_ONES, _HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ZEROS, _ABOVE_NINE = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_QUOTES = np.uint64(0x2222222222222222)
TRUE, FALSE = (np.uint64(int.from_bytes(word, "little")) for word in (b"true", b"fals"))
FOUR_BYTES = np.uint64(0xFFFFFFFF)
QUOTE, COLON, COMMA, MINUS, POINT, ZERO, NINE, E = (np.uint8(ord(sign)) for sign in '":,-.09e')
BRACKET, END_BRACKET, BRACE, END_BRACE, BACKSLASH = (np.uint8(ord(sign)) for sign in "[]{}\\")
LOWER_CASE = np.uint8(32)


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


def _mask(text: bytes) -> np.uint64:
    return np.uint64((1 << 8 * len(text)) - 1)


_quoted = [key.encode() + b'"' for key in ALL_KEYS]
WORD, REST = (np.array([_word(text[part_of]) for text in _quoted]) for part_of in (slice(8), slice(8, 16)))
MASK, REST_MASK = (np.array([_mask(text[part_of]) for text in _quoted]) for part_of in (slice(8), slice(8, 16)))
LENGTH = np.array([len(text) for text in _quoted], np.uint64)  # with the closing quote


def _perfect_hash() -> tuple[np.uint64, NDArray[np.uint8]]:
    """A factor that gives the first eight bytes of every key another slot of 128, and what is in each slot."""
    words = [int.from_bytes(key.encode()[:8], "little") for key in ALL_KEYS]
    factor, slots = 1, [0, 0]
    while len(set(slots)) < len(slots):
        factor = factor * 0x5851F42D4C957F2D % (1 << 64)  # of a well-known random number generator; odd stays odd
        slots = [word * factor % (1 << 64) >> 57 for word in words]
    keys = np.zeros(128, np.uint8)
    keys[slots] = range(len(slots))
    return np.uint64(factor), keys


FACTOR, KEY_IN_SLOT = _perfect_hash()
SLOT_SHIFT = np.uint64(57)


def usual_order(message: bytes) -> NDArray[np.uint8]:
    """Which key follows which one in a message."""
    found = [name.decode() for name in re.findall(rb'"([a-z_]+)"\s*:', message)]
    numbers = [ALL_KEYS.index(name) for name in found if name in ALL_KEYS]
    following = np.zeros(len(ALL_KEYS), np.uint8)
    for number, after in pairwise(numbers):
        following[number] = after
    return following


@part
def is_blank(byte):
    return byte == 32 or byte == 10 or byte == 13 or byte == 9


@part
def until_quote(word):
    """A mask of the bytes before the first quote; of all eight if there is none."""
    differs = word ^ _QUOTES
    marks = (differs - _ONES) & ~differs & _HIGH_BITS
    if marks == np.uint64(0):
        return ~np.uint64(0)
    return ((marks & (~marks + np.uint64(1))) - np.uint64(1)) >> np.uint64(7)


@part
def eight_digits(word):
    """The value of the digits that a word begins with, times 16, plus their count."""
    digits = word ^ _ZEROS
    marks = ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS  # of bytes that are no digits
    count = EIGHT
    if marks != np.uint64(0):
        before = ((marks & (~marks + np.uint64(1))) - np.uint64(1)) & _ONES
        count = (before * _ONES >> np.uint64(56)) - np.uint64(1)
        if count == np.uint64(0):
            return count
        digits <<= np.uint64(64) - (count << np.uint64(3))  # zeros before the first
    pairs = (digits * np.uint64(10 * 2**8 + 1) >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100 * 2**16 + 1) >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    value = fours * np.uint64(10_000 * 2**32 + 1) >> np.uint64(32)
    return value << COUNT_BITS | count
