"""Which compiled code does ingest get, which may not know numba itself?

`ingest` says what it needs and has a plain form of it; here the kernels are handed over in its place. Nothing is
imported before a function is called: whoever calls it decides who waits.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.packets import Columns, PacketTools, empty_table
from ingest.scanned import Payloads, Points, Scanners
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from kernels.point_cells import PointCells


def scanners(settings: IngestSettings) -> Scanners | None:
    """Who reads the bytes of messages; None where the simple way is asked for."""
    return None if settings.plain else Scanners(native=_native, packed=_packed)


def _native(payloads: Payloads) -> Points:
    from kernels.json_points import json_points

    return _points(json_points(*payloads), payloads)


def _packed(payloads: Payloads) -> Points:
    from kernels.packed import packed_points

    return _points(packed_points(*payloads), payloads)


def _points(found: "PointCells", payloads: Payloads) -> Points:
    """The cells that kernels filled as columns, null where nothing was sent."""
    from kernels.point_cells import KEYS, NUMBERS, ROUTE, SAID, SWITCH_SHIFT, SWITCHES, TEXTS, WHOLE

    said = found.cells[SAID]
    if not found.is_read.all():
        said = np.where(np.repeat(found.is_read, np.diff(found.starts)), said, 0)
    said_by_any = int(np.bitwise_or.reduce(said, initial=0))
    said_by_all = int(np.bitwise_and.reduce(said, initial=-1))
    columns = {}
    for number, key in enumerate(KEYS):
        if not said_by_any >> number & 1:
            continue
        is_missing = None if said_by_all >> number & 1 else (said >> number & 1) == 0
        if key in NUMBERS:
            columns[key] = pa.array(found.values[number], mask=is_missing)
        elif key in WHOLE:
            column = pa.array(found.cells[number], mask=is_missing)
            columns[key] = column.cast(pa.int16()) if key == "sat" else column
        elif key in SWITCHES:
            is_on = said & 1 << SWITCH_SHIFT + SWITCHES.index(key) != 0
            columns[key] = pa.array(is_on, mask=is_missing)
        elif key in TEXTS:
            columns[key] = _texts(payloads.text, np.where(said >> number & 1, found.cells[ROUTE], 0), is_missing)
    boot = pa.array(found.boot, mask=~found.has_boot)
    return Points(found.is_read, found.starts, boot, columns)


def _texts(text: NDArray[np.uint8], where: NDArray[np.int64], is_missing: NDArray[np.bool_] | None) -> pa.Array:
    """Pieces of a text, each given as where it begins, times 65,536, plus its length."""
    begins, lengths = where >> 16, where & 0xFFFF
    ends = np.cumsum(lengths)
    pieces = text[np.repeat(begins - ends + lengths, lengths) + np.arange(ends[-1])]
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.StringArray.from_buffers(
        where.size,
        pa.py_buffer(offsets),
        pa.py_buffer(pieces),
        None if is_missing is None else pa.py_buffer(np.packbits(~is_missing, bitorder="little")),
    )


@cache
def packet_tools() -> PacketTools:
    """The scanner of MQTT packets, ready: compiled, or loaded from the cache, before it is handed out."""
    from kernels.packets import columns, scan
    from kernels.sequences import sequences

    stream, table = np.zeros(8, np.uint8), empty_table(1)
    scan(stream, 0, 0, True, 1, table)
    columns(stream, table[:, :0].copy())
    offsets, content, none = np.zeros(1, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.int64)
    content.flags.writeable = offsets.flags.writeable = False  # as those of Arrow
    sequences(content, offsets, np.zeros(0, np.bool_), none, np.zeros(0, np.int32), none)
    return PacketTools(scan, lambda *given: Columns(*columns(*given)), sequences, _packed_sequences)


def _packed_sequences(
    text: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    senders: list[bytes],
    sender_of: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of packed messages; few collectors ever get any, so this is loaded with the first."""
    from kernels.packed import packed_points
    from kernels.point_cells import KEYS, SAID
    from kernels.sequences import NO_BOOT

    found = packed_points(text, begins, ends, senders, sender_of)
    seq = KEYS.index("seq")
    sizes = np.diff(found.starts)
    has_seq = found.is_read.copy()  # of those that are read each has a point, and its points have one or all none
    has_seq[has_seq] = found.cells[SAID, found.starts[:-1][has_seq]] >> seq & 1 == 1
    boots = np.where(found.has_boot, found.boot, NO_BOOT)
    return found.is_read, boots, np.where(has_seq, sizes, 0), found.cells[seq, np.repeat(has_seq, sizes)]
