"""Files to arrays: which rows of the lake belong to some vehicle-dates, as columns in the order kernels read them?

The fast twin of `warehouse.load.read_chunk` and of the first half of `tracks.day_of`. Row groups come one at a
time, only their columns with news are decoded, and a van is a few stretches of neighbours in them
(`work/stretches.sql`). Vans that are anything but plain are left to the twin: several devices, repeats, thinned rows.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from flows.measuring.planned import Ints
from flows.measuring.row_pieces import DecodedGroup, Piece, Rest, only, pasted_rows
from flows.measuring.tracks import OWN_SPEED, Columns, engine_of
from flows.settings import Settings
from kernels.cutting import Arrivals, Pasted, arrivals
from warehouse.row_groups import RowGroup
from warehouse.work import VehicleDate

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
        self._kept: dict[str, tuple[int, DecodedGroup]] = {}  # by file: the number of a row group, and its rows

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
        pasted, starts, groups, pieces = pasted_rows(sources, pieces)
        came = arrivals(starts, pasted.time_us, pasted.received_us)
        if not came.rises.all():  # something late lies among the rows of another file, or is a repeat
            odd |= {groups[place] for place in np.flatnonzero(~came.rises).tolist()}
            pieces = [piece for piece in pieces if piece.group not in odd]
            pasted, starts, groups, pieces = pasted_rows(sources, pieces)
            came = arrivals(starts, pasted.time_us, pasted.received_us)
        rest = Rest(sources, pieces, starts)
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
    ) -> tuple[list["DecodedGroup"], list[Piece], set[int]]:
        sources: list[DecodedGroup] = []
        pieces: list[Piece] = []
        odd: set[int] = set()
        if not wanted:
            return sources, pieces, odd
        from_ms = min(self._names[number][4] for number in wanted)
        until_ms = max(self._names[number][5] for number in wanted)
        first, last = min(of_device), max(of_device)
        kept: dict[str, tuple[int, DecodedGroup]] = {}
        for index in np.flatnonzero((self._first_ms < until_ms) & (self._last_ms >= from_ms)).tolist():
            group = self._groups[index]
            if not _may_hold(group, first, last):
                continue
            number, source = self._kept.get(group.path, (-1, None))
            if source is None or number != group.number:
                source = DecodedGroup.of(group)
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
                            Piece(wanted[number], len(sources), first_row + begin, first_row + end, at_ms, number)
                        )
            if found:
                source, found = only(source, found)
                sources.append(source)
                pieces += found
        self._kept = kept
        return sources, sorted(pieces, key=lambda piece: (piece.group, piece.first_ms)), odd

    def _columns(
        self, names: list[tuple[str, date, str]], starts: Ints, pasted: Pasted, came: Arrivals, rest: Rest
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
        self, names: list[tuple[str, date, str]], starts: Ints, pieces: list[Piece], came: Arrivals, rest: Rest
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

    def _ends(self, names: list[tuple[str, date, str]], columns: Columns, pieces: list[Piece]) -> pl.DataFrame:
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


def _may_hold(group: RowGroup, first: tuple[str, str], last: tuple[str, str]) -> bool:
    """Whether a row group may hold rows of devices between two."""
    least, greatest = group.senders
    return least <= last and greatest >= first
