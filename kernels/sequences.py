"""Which boot does a native message name, and which numbers do its points have?

A message here is a flat JSON object, with or without a list `pts` of flat objects, in ASCII without escapes, with
`boot` and `seq` as whole numbers of at most 18 digits and each at most once in an object. Anything else is left to
who can read all of JSON; so is what is no JSON at all.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from kernels.compiled import light_part, serial_kernel
from kernels.usual_numbers import MARGIN, known_keys, usual_numbers

NO_BOOT = np.iinfo(np.int64).min
LONGEST = 18  # digits that fit into 64 bits
SPACE, QUOTE, COMMA, COLON, MINUS = 0x20, 0x22, 0x2C, 0x3A, 0x2D
NOTHING = np.zeros(MARGIN, np.uint8)


def sequences(
    content: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    is_wanted: NDArray[np.bool_],
    boots: NDArray[np.int64],
    counts: NDArray[np.int32],
    seqs: NDArray[np.int64],
) -> int:
    """Write the boot of each wanted message, how many numbers it has (-1: left to others), and all numbers in a row.

    content    uint8 (n_bytes,)        the messages, one after the other
    offsets    int32 (n + 1,)          where they begin and end
    is_wanted  bool (n,)               the others have none
    boots      int64 (n,)              NO_BOOT where none is named
    counts     int32 (n,)
    seqs       int64 (n_bytes // 7,)   a number takes seven bytes at least: "seq":1

    Nearly all messages are read the way of `kernels.usual_numbers`, the others byte by byte.
    """
    read_as_words = content if content.size >= MARGIN else NOTHING
    words = as_strided(read_as_words[:8].view(np.uint64), (read_as_words.size - 7,), (1,), writeable=False)
    return int(_sequences(content, words, offsets, is_wanted, known_keys(), boots, counts, seqs))


@serial_kernel
def _sequences(content, words, offsets, is_wanted, known, boots, counts, seqs):
    total = 0
    for message in range(is_wanted.size):
        boots[message] = NO_BOOT
        counts[message] = 0
        if is_wanted[message]:
            begin, end = offsets[message], offsets[message + 1]
            count = -1
            if end + MARGIN <= content.size:
                count = usual_numbers(content, words, begin, end, message, boots, seqs, total, known)
            if count < 0:
                boots[message] = NO_BOOT
                count = _message(content, begin, end, message, boots, seqs, total)
            counts[message] = count
            total += max(count, 0)
    return total


@light_part
def _message(content, place, end, message, boots, seqs, first):
    """How many numbers were written from `first` on; -1 where the message is not as expected."""
    count = 0
    depth = 0  # 1 in the object, 2 in the list, 3 in an object of the list
    has_boot = has_seq = has_list = has_point_seq = False
    place = _open(content, place, end, 0x7B)
    if place < 0:
        return -1
    depth = 1
    is_first = True
    while True:
        place = _after_space(content, place, end)
        if place >= end:
            return -1
        byte = content[place]
        if (depth == 2 and byte == 0x5D) or (depth != 2 and byte == 0x7D):
            depth -= 1
            place += 1
            is_first = False
            if depth == 0:
                return count if _after_space(content, place, end) == end else -1
            continue
        if not is_first:
            if byte != COMMA:
                return -1
            place = _after_space(content, place + 1, end)
        is_first = False
        if depth == 2:
            place = _open(content, place, end, 0x7B)
            if place < 0:
                return -1
            depth, is_first, has_point_seq = 3, True, False
            continue
        key, place = _key(content, place, end)
        if place < 0:
            return -1
        if key == 3 and depth == 1:
            place = _open(content, place, end, 0x5B)
            if place < 0 or has_list:
                return -1
            depth, is_first, has_list = 2, True, True
            continue
        if key == 1 or (key == 2 and depth == 1):
            number, place = _whole(content, place, end)
            if place < 0:
                return -1
            if key == 2:
                if has_boot:
                    return -1
                boots[message], has_boot = number, True
            else:
                if has_point_seq if depth == 3 else has_seq:
                    return -1
                if depth == 3:
                    has_point_seq = True
                else:
                    has_seq = True
                seqs[first + count] = number
                count += 1
            continue
        place = _scalar_end(content, place, end)
        if place < 0:
            return -1


@light_part
def _after_space(content, place, end):
    for position in range(np.uintp(place), np.uintp(end)):
        byte = content[position]
        if byte > SPACE or byte not in (SPACE, 0x0A, 0x0D, 0x09):
            return np.int64(position)
    return np.int64(end)


@light_part
def _open(content, place, end, bracket):
    """Where to go on behind a bracket; -1 without one."""
    place = _after_space(content, place, end)
    return place + 1 if place < end and content[place] == bracket else -1


@light_part
def _key(content, place, end):
    """1 for seq, 2 for boot, 3 for pts, 0 for any other key, and where its value begins; -1 where there is no key."""
    begin = place + 1
    place = _text_end(content, place, end)
    if place < 0:
        return 0, -1
    size = place - 1 - begin
    key = 0
    if size == 3 and content[begin] == 0x73 and content[begin + 1] == 0x65 and content[begin + 2] == 0x71:
        key = 1
    elif size == 3 and content[begin] == 0x70 and content[begin + 1] == 0x74 and content[begin + 2] == 0x73:
        key = 3
    elif (
        size == 4
        and content[begin] == 0x62
        and content[begin + 1] == 0x6F
        and content[begin + 2] == 0x6F
        and content[begin + 3] == 0x74
    ):
        key = 2
    place = _after_space(content, place, end)
    if place >= end or content[place] != COLON:
        return 0, -1
    return key, _after_space(content, place + 1, end)


@light_part
def _text_end(content, place, end):
    """Where a text without escapes and beyond ASCII ends; -1 for anything else."""
    if place >= end or content[place] != QUOTE:
        return -1
    for position in range(np.uintp(place + 1), np.uintp(end)):
        byte = content[position]
        if byte == QUOTE:
            return np.int64(position) + 1
        if byte < SPACE or byte >= 0x7F or byte == 0x5C:
            return -1
    return -1


@light_part
def _digits_end(content, place, end):
    for position in range(np.uintp(place), np.uintp(end)):
        if content[position] < 0x30 or content[position] > 0x39:
            return np.int64(position)
    return np.int64(end)


@light_part
def _whole(content, place, end):
    """A whole number and where it ends; -1 for any other value."""
    is_negative = place < end and content[place] == MINUS
    begin = place + 1 if is_negative else place
    place = _digits_end(content, begin, end)
    size = place - begin
    if size == 0 or size > LONGEST or (size > 1 and content[begin] == 0x30) or place >= end:
        return 0, -1
    if content[place] == 0x2E or content[place] == 0x65 or content[place] == 0x45:
        return 0, -1
    number = 0
    for position in range(begin, place):
        number = number * 10 + (content[position] - 0x30)
    return -number if is_negative else number, place


@light_part
def _scalar_end(content, place, end):
    """Where a text, a number or a literal ends; -1 for anything else."""
    if place >= end:
        return -1
    byte = content[place]
    if byte == QUOTE:
        return _text_end(content, place, end)
    if byte == 0x74 and place + 4 <= end:
        is_it = content[place + 1] == 0x72 and content[place + 2] == 0x75 and content[place + 3] == 0x65
        return place + 4 if is_it else -1
    if byte == 0x6E and place + 4 <= end:
        is_it = content[place + 1] == 0x75 and content[place + 2] == 0x6C and content[place + 3] == 0x6C
        return place + 4 if is_it else -1
    if byte == 0x66 and place + 5 <= end:
        is_it = content[place + 1] == 0x61 and content[place + 2] == 0x6C and content[place + 3] == 0x73
        return place + 5 if is_it and content[place + 4] == 0x65 else -1
    begin = place + 1 if byte == MINUS else place
    place = _digits_end(content, begin, end)
    if place == begin or (place - begin > 1 and content[begin] == 0x30):
        return -1
    if place < end and content[place] == 0x2E:
        begin = place + 1
        place = _digits_end(content, begin, end)
        if place == begin:
            return -1
    if place < end and (content[place] == 0x65 or content[place] == 0x45):
        begin = place + 1
        if begin < end and (content[begin] == MINUS or content[begin] == 0x2B):
            begin += 1
        place = _digits_end(content, begin, end)
        if place == begin:
            return -1
    return place
