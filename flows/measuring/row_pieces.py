"""Which rows of decoded row groups make up each vehicle-date, and what do their columns say?"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.measuring.meters import Reading
from flows.measuring.planned import Ints
from kernels.cutting import Pasted, Source, Stretches, paste, room
from warehouse.row_groups import Decoded, Numbers, RowGroup, Texts, decoded

CORE = ("fix_ms", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition", "received_us")
SELDOM = (
    *("pto", "rpm", "battery_mv", "charging", "odometer_m", "fuel_cpct", "fuel_ml", "fuel_used_ml"),
    *("energy_out_wh", "accuracy_dm"),
)
WORDS = ("quality", "flags", "source_format", "route_id")
COLUMNS = ("tenant_id", "device_id", *CORE, *SELDOM, *WORDS)


class Piece(NamedTuple):
    """Neighbouring rows of one source that belong to one vehicle-date; `first_ms` is the time of the first."""

    group: int
    source: int
    first_row: int
    end_row: int
    first_ms: int
    stretch: int


class DecodedGroup:
    """A row group, decoded: its columns as `paste` wants them, and where devices begin and end."""

    def __init__(self, row_count: int, columns: dict[str, Decoded]) -> None:
        self.row_count, self.columns = row_count, columns
        self.fix_ms = self._numbers("fix_ms", np.int64)
        speed = columns["speed_ckmh"]
        ignition = columns["ignition"]
        on = self._numbers("ignition", np.int8)
        if ignition is None:
            on = np.full(row_count, -1, np.int8)
        elif isinstance(ignition, Numbers) and ignition.known is not None:
            on = np.where(ignition.known, on, np.int8(-1))
        known = np.zeros(0, np.bool_)
        if speed is None:
            known = np.zeros(row_count, np.bool_)
        elif isinstance(speed, Numbers) and speed.known is not None:
            known = speed.known
        self.source = Source(
            self.fix_ms,
            self._numbers("latitude_e7", np.int32),
            self._numbers("longitude_e7", np.int32),
            self._numbers("speed_ckmh", np.int16),
            known,
            on,
            self._numbers("received_us", np.int64),
        )
        self.runs = self._runs()
        self._odd_rows = self._odd()

    @classmethod
    def of(cls, group: RowGroup) -> "DecodedGroup":
        """Decode the columns of a row group."""
        return cls(group.row_count, decoded(group, COLUMNS))

    def is_odd(self, first_row: int, end_row: int) -> bool:
        """Whether some of these rows are thinned, or do not lie in order of time."""
        begin, end = np.searchsorted(self._odd_rows, (first_row, end_row))
        return bool(begin < end)

    def _numbers(self, name: str, dtype: Any) -> NDArray[Any]:
        column = self.columns[name]
        if column is None:
            return np.zeros(self.row_count, dtype)
        assert isinstance(column, Numbers)
        return np.ascontiguousarray(column.values.astype(dtype, copy=False))

    def _runs(self) -> list[tuple[tuple[str, str], int, int]]:
        tenants, devices = self.columns["tenant_id"], self.columns["device_id"]
        assert isinstance(tenants, Texts)
        assert isinstance(devices, Texts)
        begins = (devices.codes[1:] != devices.codes[:-1]) | (tenants.codes[1:] != tenants.codes[:-1])
        bounds = [0, *(np.flatnonzero(begins) + 1).tolist(), self.row_count]
        return [
            ((tenants.names[tenants.codes[first]], devices.names[devices.codes[first]]), first, end)
            for first, end in pairwise(bounds)
        ]

    def _odd(self) -> Ints:
        falls = np.flatnonzero(self.fix_ms[1:] < self.fix_ms[:-1]) + 1
        odd = np.setdiff1d(falls, [first for _, first, _ in self.runs])
        flags = self.columns["flags"]
        if isinstance(flags, Texts) and "thinned" in flags.names:
            odd = np.union1d(odd, np.flatnonzero(flags.codes == flags.names.index("thinned")))
        return odd


class Words(NamedTuple):
    """A column of few texts of a chunk; every row has code 0 where `codes` is None."""

    codes: NDArray[np.int32] | None
    names: list[str | None]
    row_count: int

    def isin(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        chosen = np.array([name in wanted for name in self.names], np.bool_)
        if self.codes is None:
            return np.full(self.row_count, chosen[0], np.bool_)
        return chosen[self.codes]

    def series(self) -> pl.Series:
        if self.codes is None and self.names == [None]:
            return pl.Series("route_id", [], pl.String)
        codes = np.zeros(self.row_count, np.int32) if self.codes is None else self.codes
        return pl.Series("route_id", self.names, pl.String).gather(codes)

    def listed(self, starts: Ints) -> list[list[str]]:
        """The sorted texts between commas of each group."""
        if self.codes is None:
            return [_split(self.names[:1])] * (starts.size - 1)
        return [
            _split([self.names[code] for code in np.unique(self.codes[first:end]).tolist()])
            for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        ]


class Rest:
    """The columns that hardly any tracker sends, or that say the same throughout."""

    def __init__(self, sources: list[DecodedGroup], pieces: list[Piece], starts: Ints) -> None:
        self._sources, self._pieces, self._row_count = sources, pieces, int(starts[-1])

    def known(self, name: str) -> NDArray[np.bool_]:
        """Which rows have a value."""
        return self._filled(name, np.bool_, _known_of)

    def truths(self, name: str) -> NDArray[np.bool_] | None:
        """A truth, false where not sent."""
        return None if self._is_empty(name) else self._filled(name, np.bool_, _values_of)

    def floats(self, name: str) -> NDArray[np.float64] | None:
        """Numbers, NaN where not sent."""
        if self._is_empty(name):
            return None
        values = self._filled(name, np.float64, _values_of)
        values[~self.known(name)] = np.nan
        return values

    def reading(self, name: str) -> Reading | None:
        """A counter."""
        return None if self._is_empty(name) else Reading(self._filled(name, np.int64, _values_of), self.known(name))

    def words(self, name: str) -> Words:
        """A column of texts."""
        columns = {piece.source: self._sources[piece.source].columns[name] for piece in self._pieces}
        numbers: dict[str | None, int] = {}
        lists = {
            source: [numbers.setdefault(text, len(numbers)) for text in _used_names(column)]
            for source, column in columns.items()
        }
        if len(numbers) <= 1:
            return Words(None, list(numbers) or [None], self._row_count)
        codes = np.empty(self._row_count, np.int32)
        at = 0
        for piece in self._pieces:
            column = columns[piece.source]
            end = at + piece.end_row - piece.first_row
            renamed = np.array(lists[piece.source], np.int32)
            if isinstance(column, Texts):
                codes[at:end] = renamed[column.codes[piece.first_row : piece.end_row]]
            else:
                codes[at:end] = renamed[0]
            at = end
        return Words(codes, list(numbers), self._row_count)

    def _is_empty(self, name: str) -> bool:
        return all(self._sources[piece.source].columns[name] is None for piece in self._pieces)

    def _filled(self, name: str, dtype: Any, part_of: Any) -> NDArray[Any]:
        found = np.empty(self._row_count, dtype)
        at = 0
        for piece in self._pieces:
            end = at + piece.end_row - piece.first_row
            found[at:end] = part_of(self._sources[piece.source].columns[name], piece)
            at = end
        return found


def _values_of(column: Decoded, piece: Piece) -> Any:
    return column.values[piece.first_row : piece.end_row] if isinstance(column, Numbers) else 0


def _known_of(column: Decoded, piece: Piece) -> Any:
    if not isinstance(column, Numbers):
        return False
    return True if column.known is None else column.known[piece.first_row : piece.end_row]


def _used_names(column: Decoded) -> list[str | None]:
    """The texts of a column by code; the last one, of code -1, is none."""
    if not isinstance(column, Texts):
        return [None]
    return [*column.names, None] if (column.codes < 0).any() else [*column.names]


def _split(texts: Sequence[str | None]) -> list[str]:
    return sorted({flag for text in texts if text for flag in text.split(",")})


def only(source: DecodedGroup, pieces: list[Piece]) -> tuple[DecodedGroup, list[Piece]]:
    """Let go of the other rows, where they are most: many files may hold a few rows each of the same vans."""
    sizes = [piece.end_row - piece.first_row for piece in pieces]
    if 2 * sum(sizes) > source.row_count:
        return source, pieces
    ends = np.cumsum(sizes).tolist()
    rows = np.concatenate([np.arange(piece.first_row, piece.end_row) for piece in pieces])
    moved = [
        piece._replace(first_row=end - size, end_row=end) for piece, size, end in zip(pieces, sizes, ends, strict=True)
    ]
    return DecodedGroup(rows.size, {name: _taken(column, rows) for name, column in source.columns.items()}), moved


def _taken(column: Decoded, rows: Ints) -> Decoded:
    if isinstance(column, Texts):
        return Texts(column.codes[rows], column.names)
    if isinstance(column, Numbers):
        return Numbers(column.values[rows], None if column.known is None else column.known[rows])
    return None


def pasted_rows(sources: list[DecodedGroup], pieces: list[Piece]) -> tuple[Pasted, Ints, list[int], list[Piece]]:
    """The rows of pieces one after the other, where groups begin, and which groups they are."""
    sizes = np.array([piece.end_row - piece.first_row for piece in pieces], np.int64)
    to_row = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
    target = room(int(to_row[-1]))
    by_source: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        by_source.setdefault(piece.source, []).append(number)
    for source, numbers in by_source.items():
        stretches = Stretches(
            np.array([pieces[number].first_row for number in numbers], np.int64),
            np.array([pieces[number].end_row for number in numbers], np.int64),
            to_row[numbers],
        )
        paste(stretches, sources[source].source, target)
    firsts = [number for number, piece in enumerate(pieces) if number == 0 or pieces[number - 1].group != piece.group]
    starts = np.append(to_row[firsts], to_row[-1]).astype(np.int64)
    return target, starts, [pieces[number].group for number in firsts], pieces
