"""What do native messages say, read from their bytes straight into columns?

One pass over the JSON of each message, without an object for any of it. It understands what ordinary devices send:
known keys in any order, plain decimals, true and false, printable ASCII texts, whitespace. Whatever else it meets
(an unknown or repeated key, null, an escape, an exponent, more digits than a float64 holds exactly, a wrong type,
another device or version) leaves the message to the slow decoder, so what is read here is exactly what that reads.

Three things make it fast:

- Keys are compared as words of eight bytes, first with the key that followed the last one in the first message: a
  device says its keys in one order, and a right guess need not wait for what was read before.
- Digits are read eight at a time: one multiplication adds up pairs, the next fours, the last all eight.
- A number is the whole number of its digits divided by a power of ten. Both are exact as float64 up to 2**53 and
  10**22, so the division rounds once, to the float64 that is nearest to the decimal (Clinger 1990).
"""

import numpy as np
from numba import prange
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from kernels.compiled import kernel
from kernels.json_reading import MAX_POINTS, read_messages
from kernels.json_words import BRACE, usual_order
from kernels.point_cells import PADDING, PointCells, empty_cells
from kernels.track import Ints, column


def json_points(text: NDArray[np.uint8], begins: Ints, ends: Ints, senders: list[bytes], sender_of: Ints) -> PointCells:
    """Read the points of the messages `text[begins[n]:ends[n]]`, each sent by `senders[sender_of[n]]`.

    `text` ends with PADDING zero bytes that belong to no message.
    """
    if text.size < PADDING or text[-PADDING:].any() or (ends.size and ends.max() > text.size - PADDING):
        raise ValueError("the text does not end with its padding")
    text, sender_of = column("text", text, np.uint8), column("sender_of", sender_of, np.int64)
    begins, ends = (column("message", bounds, np.int64, sender_of.size) for bounds in (begins, ends))
    points_of = np.zeros(begins.size, np.int64)
    _count_points(text, begins, ends, points_of)
    found = empty_cells(points_of)
    names = np.frombuffer(b"".join(senders) or b"\0", np.uint8)
    name_starts = np.cumsum([0, *map(len, senders)])
    words = as_strided(text[:8].view(np.uint64), shape=(text.size - 7,), strides=(1,), writeable=False)
    guesses = usual_order(bytes(text[begins[0] : ends[0]]) if begins.size else b"")
    read_messages(text, words, begins, ends, guesses, names, name_starts, sender_of, *found)
    return found


@kernel
def _count_points(text, begins, ends, points_of):
    for message in prange(begins.size):
        # Every point has one brace, and the message has one. Counted in bytes, 128 at a time, so that the compiler
        # takes many in one instruction.
        braces = np.int64(0)
        place, end = np.uint64(begins[message]), np.uint64(ends[message])
        while place < end:
            until = min(place + np.uint64(128), end)
            few = np.int8(0)
            for byte in range(place, until):
                few = np.int8(few + np.int8(text[byte] == BRACE))
            braces += few
            place = until
        if 1 < braces <= MAX_POINTS + 1:
            points_of[message] = braces - 1
