"""How is the JSON of a message walked through, from its first byte to its last?

One loop over all keys, those of the message and those of its points alike; see `kernels.json_points`.
"""

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.json_words import (
    ALL_KEYS,
    BACKSLASH,
    BRACE,
    BRACKET,
    COLON,
    COMMA,
    COUNT_BITS,
    EIGHT,
    END_BRACE,
    END_BRACKET,
    FACTOR,
    FALSE,
    FOUR_BYTES,
    KEY_IN_SLOT,
    LENGTH,
    LOWER_CASE,
    MASK,
    MINUS,
    MOST_DIGITS,
    NINE,
    POINT,
    POWERS,
    QUOTE,
    REST,
    REST_MASK,
    SLOT_SHIFT,
    TRUE,
    WHOLE_POWERS,
    WORD,
    ZERO,
    E,
    eight_digits,
    is_blank,
    until_quote,
)
from kernels.point_cells import (
    ENVELOPE,
    NUMBERS,
    ROUTE,
    SAID,
    SWITCH_SHIFT,
    SWITCHES,
    TEXTS,
)

MAX_POINTS = 500  # of a message, as in docs/messages.md
VERSION = 1

_SEQ, _SAT = len(NUMBERS), len(NUMBERS) + 1
_FIRST_SWITCH = ALL_KEYS.index(SWITCHES[0])
_ROUTE_ID = ALL_KEYS.index(TEXTS[0])
_V, _BOOT, _SENT, _DEV, _PTS = (ALL_KEYS.index(name) for name in ENVELOPE)
_NEEDED = 1 << _V | 1 << _DEV | 1 << _PTS
_SHARE = 256  # messages that one thread reads at a time
_LEAST_SAT, _MOST_SAT = -1, 999  # outside of it the slow decoder clips
_MOST_EXACT = np.uint64(2**53)


@kernel
def read_messages(
    text, words, begins, ends, guesses, names, name_starts, sender_of, is_read, starts, boot, has_boot, values, cells
):
    # The loop over messages is a function of its own, which is not parallel: numba compiles it in two thirds of the
    # time, and it takes two thirds of the time (2026-11).
    for share in prange((begins.size + _SHARE - 1) // _SHARE):
        until = min((share + 1) * _SHARE, begins.size)
        _read_share(
            share * _SHARE,
            until,
            text,
            words,
            begins,
            ends,
            guesses,
            names,
            name_starts,
            sender_of,
            is_read,
            starts,
            boot,
            has_boot,
            values,
            cells,
        )


@part
def _read_share(
    first,
    until,
    text,
    words,
    begins,
    ends,
    guesses,
    names,
    name_starts,
    sender_of,
    is_read,
    starts,
    boot,
    has_boot,
    values,
    cells,
):
    # One loop over all keys, those of the message and those of its points alike. It is one function on purpose: a call
    # that is handed arrays counts references, which takes longer than a key.
    nothing, one, count_mask = np.int64(0), np.uint64(1), np.uint64(15)
    for message in range(first, until):
        row, last_row = np.uint64(starts[message]), np.uint64(starts[message + 1])
        at, end = np.uint64(begins[message]), np.uint64(ends[message])
        said = said_of_message = switched_on = nothing
        in_point = False
        key = np.int64(_V)
        while is_blank(text[at]):
            at += one
        is_object = row < last_row and text[at] == BRACE
        at += one
        while is_object:
            while is_blank(text[at]):
                at += one
            if text[at] != QUOTE:
                break
            at += one
            key = np.int64(guesses[key])
            word = words[at]
            if word & MASK[key] != WORD[key] or (
                REST_MASK[key] != np.uint64(0) and words[at + EIGHT] & REST_MASK[key] != REST[key]
            ):
                key = np.int64(KEY_IN_SLOT[(word & until_quote(word)) * FACTOR >> SLOT_SHIFT])
                if word & MASK[key] != WORD[key] or (
                    REST_MASK[key] != np.uint64(0) and words[at + EIGHT] & REST_MASK[key] != REST[key]
                ):
                    break
            if (key < _V) != in_point or said >> key & 1:
                break
            said |= 1 << key
            at += LENGTH[key]
            while is_blank(text[at]):
                at += one
            if text[at] != COLON:
                break
            at += one
            while is_blank(text[at]):
                at += one

            if key < _FIRST_SWITCH or _V <= key <= _SENT:
                is_negative = text[at] == MINUS
                if is_negative:
                    at += one
                begins_with_zero = text[at] == ZERO
                found = eight_digits(words[at])
                digits, count = found >> COUNT_BITS, found & count_mask
                at += count
                if count == np.uint64(0) or (begins_with_zero and count > one):
                    break
                decimals = np.uint64(0)
                if count == EIGHT:
                    found = eight_digits(words[at])
                    more = found & count_mask
                    digits = digits * WHOLE_POWERS[more] + (found >> COUNT_BITS)
                    at += more
                    count += more
                if text[at] == POINT:
                    at += one
                    found = eight_digits(words[at])
                    decimals = found & count_mask
                    if decimals == np.uint64(0):
                        break
                    digits = digits * WHOLE_POWERS[decimals] + (found >> COUNT_BITS)
                    at += decimals
                    if decimals == EIGHT:
                        found = eight_digits(words[at])
                        more = found & count_mask
                        digits = digits * WHOLE_POWERS[more] + (found >> COUNT_BITS)
                        at += more
                        decimals += more
                    count += decimals
                goes_on = ZERO <= text[at] <= NINE or text[at] | LOWER_CASE == E
                # Minus zero is told from zero by the slow decoder.
                if count > MOST_DIGITS or goes_on or (is_negative and digits == np.uint64(0)):
                    break
                number = -np.int64(digits) if is_negative else np.int64(digits)
                if key < _SEQ:
                    if digits > _MOST_EXACT:
                        break
                    values[key, row] = number / POWERS[decimals]
                elif key != _SENT:
                    if decimals != np.uint64(0):
                        break
                    if key == _SEQ:
                        cells[_SEQ, row] = number
                    elif key == _SAT:
                        if number < _LEAST_SAT or number > _MOST_SAT:
                            break
                        cells[_SAT, row] = number
                    elif key == _BOOT:
                        boot[message] = number
                        has_boot[message] = True
                    elif number != VERSION:
                        break
            elif key < _ROUTE_ID:
                word = words[at] & FOUR_BYTES
                at += np.uint64(4)
                if word == TRUE:
                    switched_on |= 1 << (key - _FIRST_SWITCH)
                elif word == FALSE and text[at] == E:
                    at += one
                else:
                    break
            elif key == _PTS:
                if text[at] != BRACKET:
                    break
                at += one
                while is_blank(text[at]):
                    at += one
                if text[at] != BRACE:
                    break
                at += one
                said_of_message, said, switched_on, in_point = said, nothing, nothing, True
                continue
            else:
                if text[at] != QUOTE:
                    break
                at += one
                begin = at
                while 32 <= text[at] < 127 and text[at] != QUOTE and text[at] != BACKSLASH:
                    at += one
                if text[at] != QUOTE:
                    break
                length = at - begin
                at += one
                if key == _ROUTE_ID:
                    cells[ROUTE, row] = np.int64(begin) << 16 | np.int64(length)
                else:
                    name = np.uint64(name_starts[sender_of[message]])
                    if length != np.uint64(name_starts[sender_of[message] + 1]) - name:
                        break
                    is_sender = True
                    for place in range(length):
                        is_sender &= text[begin + place] == names[name + place]
                    if not is_sender:
                        break

            while is_blank(text[at]):
                at += one
            sign = text[at]
            at += one
            if sign == COMMA:
                continue
            if sign != END_BRACE:
                break
            if in_point:
                cells[SAID, row] = said | switched_on << SWITCH_SHIFT
                row += one
                while is_blank(text[at]):
                    at += one
                sign = text[at]
                at += one
                if sign == COMMA:
                    while is_blank(text[at]):
                        at += one
                    if text[at] != BRACE or row >= last_row:
                        break
                    at += one
                    said = switched_on = nothing
                    continue
                if sign != END_BRACKET:
                    break
                said, in_point = said_of_message, False
                while is_blank(text[at]):
                    at += one
                sign = text[at]
                at += one
                if sign == COMMA:
                    continue
                if sign != END_BRACE:
                    break
            while is_blank(text[at]):
                at += one
            is_read[message] = at == end and row == last_row and said & _NEEDED == _NEEDED
            break
