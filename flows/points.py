"""Files to arrays: which rows of the lake belong to some vehicle-dates, as columns in the order kernels read them?

The fast twin of `warehouse.load.read_chunk` and of the first half of `flows.tracks.day_of`. Row groups come one at a
time, only their columns with news are decoded, and a van is a few stretches of neighbours in them
(`work/stretches.sql`). Vans that are anything but plain are left to the twin: several devices, repeats, thinned rows.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.meters import Reading
from flows.planned import Ints
from flows.settings import Settings
from flows.tracks import OWN_SPEED, Columns, engine_of
from kernels.cutting import Arrivals, Pasted, Source, Stretches, arrivals, paste, room
from warehouse.row_groups import Decoded, Numbers, RowGroup, Texts, decoded
from warehouse.work import VehicleDate

CORE = ("fix_ms", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition", "received_us")
SELDOM = (
    *("pto", "rpm", "battery_mv", "charging", "odometer_m", "fuel_cpct", "fuel_ml", "fuel_used_ml"),
    *("energy_out_wh", "accuracy_dm"),
)
WORDS = ("quality", "flags", "source_format", "route_id")
COLUMNS = ("tenant_id", "device_id", *CORE, *SELDOM, *WORDS)
KEPT_ROWS = 3_000_000  # of decoded row groups that the next chunk may go on with, the last of each file


class Points(NamedTuple):
    """Plain vehicle-dates with their rows, and those that are left to the twin.

    counted   what `work/vehicle_date_counted.sql` says of the plain ones
    ends      first and last of their fixes, and of the good ones, as `ranked_positions` has rows
    """

    columns: Columns
    counted: pl.DataFrame
    ends: pl.DataFrame
    left: list[VehicleDate]


class _Piece(NamedTuple):
    group: int
    source: int
    first_row: int
    end_row: int
    first_ms: int
    stretch: int


class Reader:
    """Reads chunk after chunk of the vehicle-dates of one service date, and keeps what the next one needs again."""

    def __init__(self, groups: Sequence[RowGroup], stretches: pl.DataFrame, settings: Settings) -> None:
        self._settings = settings
        self._groups = groups
        self._first_ms = np.array([group.fix_ms[0] for group in groups], np.int64)
        self._last_ms = np.array([group.fix_ms[1] for group in groups], np.int64)
        self._stretches = stretches
        self._names: list[tuple[Any, ...]] = list(stretches.iter_rows())
        self._of_van: dict[VehicleDate, list[int]] = {}
        for number, row in enumerate(self._names):
            self._of_van.setdefault(VehicleDate(row[0], row[2], row[3]), []).append(number)
        self._kept: dict[str, tuple[int, _Decoded]] = {}  # by file: the number of a row group, and its rows

    def in_order_of_files(self, vehicle_dates: Sequence[VehicleDate]) -> list[VehicleDate]:
        """Vehicle-dates in the order in which files have their devices, so that a row group is decoded once."""
        return sorted(vehicle_dates, key=lambda found: (found.tenant_id, self._first_device(found), found.vehicle_id))

    def _first_device(self, found: VehicleDate) -> str:
        return min((self._names[number][1] for number in self._of_van.get(found, ())), default="")

    def read(self, vehicle_dates: Sequence[VehicleDate]) -> Points:
        """Read whole vehicle-dates of one service date."""
        ordered = sorted(vehicle_dates)
        group_of = {found: group for group, found in enumerate(ordered)}
        wanted = {number: group for found, group in group_of.items() for number in self._of_van.get(found, ())}
        of_device: dict[tuple[str, str], list[int]] = {}
        for number in wanted:
            of_device.setdefault(self._names[number][:2], []).append(number)
        sources, pieces, odd = self._pieces(wanted, of_device)
        devices: dict[int, set[str]] = {}
        for piece in pieces:
            devices.setdefault(piece.group, set()).add(self._names[piece.stretch][1])
        odd |= {group for group, named in devices.items() if len(named) > 1}
        pieces = [piece for piece in pieces if piece.group not in odd]
        pasted, starts, groups, pieces = _pasted(sources, pieces)
        came = arrivals(starts, pasted.time_us, pasted.received_us)
        if not came.rises.all():  # something late lies among the rows of another file, or is a repeat
            odd |= {groups[place] for place in np.flatnonzero(~came.rises).tolist()}
            pieces = [piece for piece in pieces if piece.group not in odd]
            pasted, starts, groups, pieces = _pasted(sources, pieces)
            came = arrivals(starts, pasted.time_us, pasted.received_us)
        rest = _Rest(sources, pieces, starts)
        names = [(ordered[group].tenant_id, ordered[group].service_date, ordered[group].vehicle_id) for group in groups]
        columns = self._columns(names, starts, pasted, came, rest)
        return Points(
            columns,
            self._counted(names, starts, pieces, came, rest),
            self._ends(names, columns, pieces),
            [ordered[group] for group in sorted(odd)],
        )

    def _pieces(
        self, wanted: dict[int, int], of_device: dict[tuple[str, str], list[int]]
    ) -> tuple[list["_Decoded"], list[_Piece], set[int]]:
        sources: list[_Decoded] = []
        pieces: list[_Piece] = []
        odd: set[int] = set()
        if not wanted:
            return sources, pieces, odd
        from_ms = min(self._names[number][4] for number in wanted)
        until_ms = max(self._names[number][5] for number in wanted)
        first, last = min(of_device), max(of_device)
        kept: dict[str, tuple[int, _Decoded]] = {}
        for index in np.flatnonzero((self._first_ms < until_ms) & (self._last_ms >= from_ms)).tolist():
            group = self._groups[index]
            if not _may_hold(group, first, last):
                continue
            number, source = self._kept.get(group.path, (-1, None))
            if source is None or number != group.number:
                source = _Decoded.of(group)
            kept[group.path] = (group.number, source)
            while sum(other.row_count for _, other in kept.values()) > KEPT_ROWS:
                del kept[next(iter(kept))]
            found = []
            for device, first_row, end_row in source.runs:
                numbers = of_device.get(device, [])
                if source.is_odd(first_row, end_row):
                    odd |= {wanted[number] for number in numbers}
                    continue
                fixes = source.fix_ms[first_row:end_row]
                for number in numbers:
                    begin, end = np.searchsorted(fixes, self._names[number][4:6]).tolist()
                    if begin < end:
                        at_ms = int(fixes[begin])
                        found.append(
                            _Piece(wanted[number], len(sources), first_row + begin, first_row + end, at_ms, number)
                        )
            if found:
                source, found = _only(source, found)
                sources.append(source)
                pieces += found
        self._kept = kept
        return sources, sorted(pieces, key=lambda piece: (piece.group, piece.first_ms)), odd

    def _columns(
        self, names: list[tuple[str, date, str]], starts: Ints, pasted: Pasted, came: Arrivals, rest: "_Rest"
    ) -> Columns:
        rpm, battery_mv, charging = rest.floats("rpm"), rest.floats("battery_mv"), rest.truths("charging")
        quality, formats = rest.words("quality"), rest.words("source_format")
        has_fix = rest.known("latitude_e7")
        accuracy = rest.floats("accuracy_dm")
        own_speed = None
        if rpm is not None:
            own_speed = ~np.isnan(rpm) & formats.isin(OWN_SPEED)
        route = rest.words("route_id")
        return Columns(
            names=names,
            starts=starts,
            time_us=pasted.time_us,
            median_interval_s=came.median_step_us / 1e6,
            latitude_e7=pasted.latitude_e7,
            longitude_e7=pasted.longitude_e7,
            has_fix=has_fix,
            is_good=quality.isin(("good",)),
            accuracy_dm=None if accuracy is None else np.nan_to_num(accuracy).astype(np.int32),
            speed_kmh=pasted.speed_kmh,
            engine=engine_of(
                self._settings,
                pasted.ignition,
                pasted.speed_kmh,
                rpm=None if rpm is None else rpm.astype(np.float32),
                charging=charging,
                battery_v=None if battery_mv is None else (battery_mv / 1000).astype(np.float32),
            ),
            own_speed=own_speed,
            odometer_m=rest.floats("odometer_m"),
            fuel_cpct=rest.floats("fuel_cpct"),
            fuel_ml=rest.floats("fuel_ml"),
            fuel_used_ml=rest.reading("fuel_used_ml"),
            energy_out_wh=rest.reading("energy_out_wh"),
            message_route=route.series(),
            pto=rest.truths("pto"),
        )

    def _counted(
        self, names: list[tuple[str, date, str]], starts: Ints, pieces: list[_Piece], came: Arrivals, rest: "_Rest"
    ) -> pl.DataFrame:
        counts = np.diff(starts)
        low = rest.words("quality").isin(("low",))
        flags = rest.words("flags")
        facts: dict[int, list[tuple[Any, ...]]] = {}
        for piece in pieces:
            facts.setdefault(piece.group, []).append(self._names[piece.stretch])
        told = list(facts.values())  # in order of groups, and of time within them
        return pl.DataFrame(
            {
                "tenant_id": [name[0] for name in names],
                "service_date": [name[1] for name in names],
                "vehicle_id": [name[2] for name in names],
                "assigned_depot_id": [next((row[7] for row in rows if row[7] is not None), None) for rows in told],
                "timezone": [min(row[8] for row in rows) for rows in told],
                "is_assigned": [all(row[6] for row in rows) for rows in told],
                "received_count": counts,
                "accepted_count": counts,
                "duplicate_count": np.zeros(counts.size, np.int64),
                "conflict_count": np.zeros(counts.size, np.int64),
                "low_quality_count": np.add.reduceat(low, starts[:-1], dtype=np.int64) if counts.size else counts,
                "median_delay_s": came.median_delay_s,
                "p95_delay_s": came.p95_delay_s,
                "flags": flags.listed(starts),
                "peak_messages_per_min": came.peak_messages_per_min,
            },
            schema_overrides={
                **dict.fromkeys(("tenant_id", "vehicle_id", "assigned_depot_id", "timezone"), pl.String),
                "service_date": pl.Date,
                "is_assigned": pl.Boolean,
                "flags": pl.List(pl.String),
            },
        )

    def _ends(self, names: list[tuple[str, date, str]], columns: Columns, pieces: list[_Piece]) -> pl.DataFrame:
        starts = columns.starts
        placed = np.flatnonzero(columns.has_fix & columns.is_good)
        bounds = np.searchsorted(placed, starts)
        device = {piece.group: self._names[piece.stretch][1] for piece in pieces}
        rows = []
        for group, of_device in enumerate(device.values()):
            found = {int(starts[group]), int(starts[group + 1]) - 1}
            if bounds[group] < bounds[group + 1]:
                found |= {int(placed[bounds[group]]), int(placed[bounds[group + 1] - 1])}
            rows += [(*names[group], of_device, row) for row in sorted(found)]
        listed = np.array([row[4] for row in rows], np.int64)
        has_fix, is_good = columns.has_fix[listed], columns.is_good[listed]
        return pl.DataFrame(
            [row[:4] for row in rows],
            schema={
                "tenant_id": pl.String,
                "service_date": pl.Date,
                "vehicle_id": pl.String,
                "device_id": pl.String,
            },
            orient="row",
        ).with_columns(
            pl.Series("fix_ms", columns.time_us[listed] // 1000),
            pl.Series("latitude_e7", columns.latitude_e7[listed]).set(pl.Series(~has_fix), None),
            pl.Series("longitude_e7", columns.longitude_e7[listed]).set(pl.Series(~has_fix), None),
            pl.when(pl.Series(is_good)).then(pl.lit("good")).otherwise(pl.lit("low")).alias("quality"),
            pl.lit(1).alias("copy_rank"),
            pl.lit(0, pl.Int64).alias("payload_hash"),
            pl.lit(0, pl.Int64).alias("point_index"),
        )


class _Decoded:
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
    def of(cls, group: RowGroup) -> "_Decoded":
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


class _Words(NamedTuple):
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


class _Rest:
    """The columns that hardly any tracker sends, or that say the same throughout."""

    def __init__(self, sources: list[_Decoded], pieces: list[_Piece], starts: Ints) -> None:
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

    def words(self, name: str) -> _Words:
        """A column of texts."""
        columns = {piece.source: self._sources[piece.source].columns[name] for piece in self._pieces}
        numbers: dict[str | None, int] = {}
        lists = {
            source: [numbers.setdefault(text, len(numbers)) for text in _used_names(column)]
            for source, column in columns.items()
        }
        if len(numbers) <= 1:
            return _Words(None, list(numbers) or [None], self._row_count)
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
        return _Words(codes, list(numbers), self._row_count)

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


def _values_of(column: Decoded, piece: _Piece) -> Any:
    return column.values[piece.first_row : piece.end_row] if isinstance(column, Numbers) else 0


def _known_of(column: Decoded, piece: _Piece) -> Any:
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


def _may_hold(group: RowGroup, first: tuple[str, str], last: tuple[str, str]) -> bool:
    """Whether a row group may hold rows of devices between two."""
    least, greatest = (group.tenants[0], ""), (group.tenants[1], chr(0x10FFFF))
    if group.tenants[0] == group.tenants[1]:
        least, greatest = (group.tenants[0], group.devices[0]), (group.tenants[0], group.devices[1])
    return least <= last and greatest >= first


def _only(source: _Decoded, pieces: list[_Piece]) -> tuple[_Decoded, list[_Piece]]:
    """Let go of the other rows, where they are most: many files may hold a few rows each of the same vans."""
    sizes = [piece.end_row - piece.first_row for piece in pieces]
    if 2 * sum(sizes) > source.row_count:
        return source, pieces
    ends = np.cumsum(sizes).tolist()
    rows = np.concatenate([np.arange(piece.first_row, piece.end_row) for piece in pieces])
    moved = [
        piece._replace(first_row=end - size, end_row=end) for piece, size, end in zip(pieces, sizes, ends, strict=True)
    ]
    return _Decoded(rows.size, {name: _taken(column, rows) for name, column in source.columns.items()}), moved


def _taken(column: Decoded, rows: Ints) -> Decoded:
    if isinstance(column, Texts):
        return Texts(column.codes[rows], column.names)
    if isinstance(column, Numbers):
        return Numbers(column.values[rows], None if column.known is None else column.known[rows])
    return None


def _pasted(sources: list[_Decoded], pieces: list[_Piece]) -> tuple[Pasted, Ints, list[int], list[_Piece]]:
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
