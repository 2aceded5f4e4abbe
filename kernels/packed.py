"""What do packed messages say, read from their bytes straight into columns?

The format is that of docs/messages.md; `ingest.packed` has the reference. Differences are added up as they are read
(`kernels.packed_values`), so a value takes its few bytes, one addition and one division. A message with anything wrong
or unusual (an unknown column, a number too large, bytes too few or too many, another device) is left to the slow
decoder, which says what is wrong.
"""

import numpy as np
from numba import prange
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from kernels.compiled import kernel, part
from kernels.packed_format import HEAD, MAX_PACKED_POINTS, SHARE, number_at
from kernels.packed_values import read_values
from kernels.point_cells import PADDING, PointCells, empty_cells
from kernels.track import Ints, column


def packed_points(
    text: NDArray[np.uint8], begins: Ints, ends: Ints, senders: list[bytes], sender_of: Ints
) -> PointCells:
    """Read the points of the messages `text[begins[n]:ends[n]]`, each sent by `senders[sender_of[n]]`.

    `text` ends with PADDING zero bytes that belong to no message.
    """
    if text.size < PADDING or text[-PADDING:].any() or (ends.size and ends.max() > text.size - PADDING):
        raise ValueError("the text does not end with its padding")
    text, sender_of = column("text", text, np.uint8), column("sender_of", sender_of, np.int64)
    begins, ends = (column("message", bounds, np.int64, sender_of.size) for bounds in (begins, ends))
    points_of, value_starts = np.zeros(begins.size, np.int64), np.zeros(begins.size, np.int64)
    names = np.frombuffer(b"".join(senders) or b"\0", np.uint8)
    name_starts = np.zeros(len(senders) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, senders), np.int64, len(senders)), out=name_starts[1:])
    _read_heads(text, begins, ends, names, name_starts, sender_of, points_of, value_starts)
    found = empty_cells(points_of)
    words = as_strided(text[:8].view(np.uint64), shape=(text.size - 7,), strides=(1,), writeable=False)
    read_values(text, words, begins, ends, value_starts, *found)
    return found


@kernel
def _read_heads(text, begins, ends, names, name_starts, sender_of, points_of, value_starts):
    for share in prange((begins.size + SHARE - 1) // SHARE):
        until = min((share + 1) * SHARE, begins.size)
        _read_share_of_heads(
            share * SHARE, until, text, begins, ends, names, name_starts, sender_of, points_of, value_starts
        )


@part
def _read_share_of_heads(first, until, text, begins, ends, names, name_starts, sender_of, points_of, value_starts):
    for message in range(first, until):
        at, end = begins[message], ends[message]
        is_packed = end - at > HEAD.size
        for place in range(HEAD.size):
            is_packed &= text[at + place] == HEAD[place]
        at += HEAD.size
        for _ in range(3):
            found = number_at(text, at)
            is_packed &= found > 0
            at += found & 0xFF
            is_packed &= at < end
            if not is_packed:
                break
        if not is_packed:
            continue
        found = number_at(text, at)
        at += found & 0xFF
        sender = sender_of[message]
        length = name_starts[sender + 1] - name_starts[sender]
        if found == 0 or found >> 8 != length or at + length >= end:
            continue
        for place in range(length):
            is_packed &= text[at + place] == names[name_starts[sender] + place]
        at += length
        found = number_at(text, at)
        at += found & 0xFF
        # Every point has a byte at least, that of its time: so nothing is made room for that is not there.
        if is_packed and 0 < found >> 8 <= min(MAX_PACKED_POINTS, end - at):
            points_of[message] = found >> 8
            value_starts[message] = at
