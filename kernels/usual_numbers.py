"""Which boot and numbers does a message name that says it the way devices do?

Such a message is compact: no blanks, no exponents, no lists but that of points, and nothing that `kernels.sequences`
would not take. What is not is left to that, so that nothing depends on what is usual.

Half of its bytes are keys, and of two points the same ones in the same order. So the key in each place is compared with
the one that stood there before, as two words of eight bytes. Of numbers that nobody asked for only the length is found,
from one word where they have less than eight digits.
"""

import numpy as np
from numpy.typing import NDArray

from kernels.compiled import light_part

MARGIN = 64  # bytes that must follow a message, so that words can be read wherever it ends
KEYS_KNOWN = 64  # the latter half of them in points
_LONGEST_KEY = 16  # with quotes and colon
_ONE, _EIGHT = np.uint64(1), np.uint64(8)
_ONES, _HIGH_BITS, _ALL = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), ~np.uint64(0)
_ZEROS, _ABOVE_NINE = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_QUOTE, _COMMA, _COLON, _MINUS, _POINT, _ZERO, _NINE, _E = (np.uint8(ord(sign)) for sign in '",:-.09e')
_BRACE, _END_BRACE, _BRACKET, _END_BRACKET, _BACKSLASH = (np.uint8(ord(sign)) for sign in "{}[]\\")
_SPACE, _DELETE = np.uint8(0x20), np.uint8(0x7F)
_TRUE, _FALSE, _NULL = (np.uint64(int.from_bytes(word, "little")) for word in (b"true", b"fals", b"null"))
_FOUR_BYTES = np.uint64(0xFFFFFFFF)
_OTHER, _SEQ, _BOOT, _PTS = (np.uint64(kind) for kind in range(4))
_SEQ_KEY, _BOOT_KEY, _PTS_KEY = (np.uint64(int.from_bytes(key, "little")) for key in (b'"seq":', b'"boot":', b'"pts":'))
_KIND_BITS, _KINDS = np.uint64(2), np.uint64(3)
_MOST_DIGITS = np.uint64(18)  # that fit into 64 bits
_FIRST_OF_POINT, _KEYS_KNOWN = np.uint64(KEYS_KNOWN // 2), np.uint64(KEYS_KNOWN)
# What is known of a key: which bits of its first word count and what they are, the same of its second, and its length
# with what it is in the lowest bits.
_MASK, _WORD, _REST_MASK, _REST, _WHAT = range(5)


def known_keys() -> NDArray[np.uint64]:
    """Room for what is known of keys; nothing is."""
    known = np.zeros((KEYS_KNOWN, 5), np.uint64)
    known[:, _WORD] = _ALL
    return known


@light_part
def _non_digits(word):
    """A mark at the first byte that is no digit, and at the next one where the first is ASCII."""
    digits = word ^ _ZEROS
    return ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS


@light_part
def _place_of(marks):
    """Of the lowest mark, in bytes; 8 without one."""
    if marks == np.uint64(0):
        return _EIGHT
    return ((((marks & (~marks + _ONE)) - _ONE) & _ONES) * _ONES >> np.uint64(56)) - _ONE


@light_part
def _after_digits(words, at, end):
    """Where digits end; some places behind `end` at most where they do not."""
    count = _place_of(_non_digits(words[at]))
    at += count
    while count == _EIGHT and at < end:
        count = _place_of(_non_digits(words[at]))
        at += count
    return at


@light_part
def _after_decimal(content, words, at, end, marks, size):
    """Where a number ends of which so many digits, and marks of what is none, are in the word at `at`; 0 for none."""
    if size == _EIGHT:
        at = _after_digits(words, at + _EIGHT, end)
    else:
        at += size
        marks &= marks - _ONE
        if marks != np.uint64(0) and content[at] == _POINT:
            # All that follows the point is in the same word.
            decimals = _place_of(marks) - size - _ONE
            return at + _ONE + decimals if decimals > np.uint64(0) else np.uint64(0)
    if content[at] != _POINT:
        return at
    begin = at + _ONE
    at = _after_digits(words, begin, end)
    return at if at > begin else np.uint64(0)


@light_part
def _learn(content, words, at, end, known, slot):
    """Where the key that begins here ends, with its colon, and what it is; 0 where it is none."""
    begin = at
    at += _ONE
    while at < end and _SPACE <= content[at] < _DELETE and content[at] != _QUOTE and content[at] != _BACKSLASH:
        at += _ONE
    if at + _ONE >= end or content[at] != _QUOTE or content[at + _ONE] != _COLON:
        return np.uint64(0)
    at += np.uint64(2)
    size = at - begin
    known[slot, _MASK] = known[slot, _REST_MASK] = np.uint64(0)
    known[slot, _WORD] = _ALL  # never equal
    if size <= np.uint64(_LONGEST_KEY):
        first = min(size, _EIGHT) << np.uint64(3)
        known[slot, _MASK] = _ALL >> (np.uint64(64) - first)
        known[slot, _WORD] = words[begin] & known[slot, _MASK]
        if size > _EIGHT:
            known[slot, _REST_MASK] = _ALL >> (np.uint64(128) - (size << np.uint64(3)))
            known[slot, _REST] = words[begin + _EIGHT] & known[slot, _REST_MASK]
        else:
            known[slot, _REST] = np.uint64(0)
    kind = _OTHER
    if size == np.uint64(6):
        if known[slot, _WORD] == _SEQ_KEY:
            kind = _SEQ
        elif known[slot, _WORD] == _PTS_KEY:
            kind = _PTS
    elif size == np.uint64(7) and known[slot, _WORD] == _BOOT_KEY:
        kind = _BOOT
    known[slot, _WHAT] = size << _KIND_BITS | kind
    return size << _KIND_BITS | kind


@light_part
def usual_numbers(content, words, begin, stop, message, boots, seqs, first, known):
    """How many numbers of content[begin:stop] were written from `first` on; -1 where it is not usual.

    `words` are those of eight bytes that begin at each byte of `content`, which goes on for MARGIN bytes.
    """
    at, end = np.uint64(begin), np.uint64(stop)
    count = np.int64(0)
    if content[at] != _BRACE:
        return -1
    at += _ONE
    in_point = False
    has_seq = has_list = has_point_seq = False
    slot = np.uint64(0)
    outer = np.uint64(0)
    while at < end:
        if content[at] != _QUOTE or slot >= _KEYS_KNOWN:
            return -1
        if (
            words[at] & known[slot, _MASK] == known[slot, _WORD]
            and words[at + _EIGHT] & known[slot, _REST_MASK] == known[slot, _REST]
        ):
            key = known[slot, _WHAT]
        else:
            key = _learn(content, words, at, end, known, slot)
            if key == np.uint64(0):
                return -1
        at += key >> _KIND_BITS
        kind = key & _KINDS
        slot += _ONE
        byte = content[at]
        if byte == _QUOTE:
            if kind != _OTHER:
                return -1
            at += _ONE
            while at < end and _SPACE <= content[at] < _DELETE and content[at] != _QUOTE and content[at] != _BACKSLASH:
                at += _ONE
            if at >= end or content[at] != _QUOTE:
                return -1
            at += _ONE
        elif kind == _PTS and not in_point:
            if has_list or byte != _BRACKET or content[at + _ONE] != _BRACE:
                return -1
            at += np.uint64(2)
            has_list = in_point = True
            outer, slot = slot, _FIRST_OF_POINT
            has_point_seq = False
            continue
        elif byte == _MINUS or _ZERO <= byte <= _NINE:
            if byte == _MINUS:
                at += _ONE
            begin_digits = at
            marks = _non_digits(words[at])
            size = _place_of(marks)
            if size == np.uint64(0) or (content[at] == _ZERO and size > _ONE):
                return -1
            if kind == _SEQ or (kind == _BOOT and not in_point):
                at = _after_digits(words, at, end)
                size = at - begin_digits
                if size > _MOST_DIGITS or content[at] == _POINT:
                    return -1
                number = np.int64(0)
                for place in range(begin_digits, at):
                    number = number * 10 + np.int64(content[place] - _ZERO)
                if byte == _MINUS:
                    number = -number
                if kind == _BOOT:
                    boots[message] = number  # the last one said, as for whoever reads all of it
                else:
                    if in_point:
                        if has_point_seq:
                            return -1
                        has_point_seq = True
                    else:
                        if has_seq:
                            return -1
                        has_seq = True
                    seqs[first + count] = number
                    count += 1
            else:
                at = _after_decimal(content, words, at, end, marks, size)
                if at == np.uint64(0):
                    return -1
        else:
            if kind != _OTHER:
                return -1
            word = words[at] & _FOUR_BYTES
            at += np.uint64(4)
            if word == _FALSE:
                if content[at] != _E:
                    return -1
                at += _ONE
            elif word != _TRUE and word != _NULL:
                return -1
        sign = content[at]
        at += _ONE
        if sign == _COMMA:
            continue
        if sign != _END_BRACE:
            return -1
        if in_point:
            sign = content[at]
            at += _ONE
            if sign == _COMMA:
                if content[at] != _BRACE:
                    return -1
                at += _ONE
                slot = _FIRST_OF_POINT
                has_point_seq = False
                continue
            if sign != _END_BRACKET:
                return -1
            in_point = False
            slot = outer
            sign = content[at]
            at += _ONE
            if sign == _COMMA:
                continue
            if sign != _END_BRACE:
                return -1
        return count if at == end else -1
    return -1
