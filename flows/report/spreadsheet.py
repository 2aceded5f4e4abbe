"""What is attached for those who want to calculate: every route and every van of the day, as numbers.

A workbook with a sheet that says what each column means and how it is made, and the same rows as CSV. Texts are never
formulas: ids come in by message, from anybody's device.
"""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flows.report.measures import gated, lacks_ignition, route_idle_s
from flows.report.rows import DailyData, RouteDay, VehicleDay
from flows.report.units import Units, economy, initials
from flows.workbook import Heading, Sheet, write_sheets
from warehouse.dictionary import dictionary
from warehouse.lineage import listed_lineage

CLOCK, SHARE, WHOLE, ONE, TWO = "hh:mm", "0.0 %", "#,##0", "#,##0.0", "#,##0.00"
MEANINGS = "Definitions"
# What the data dictionary says of a column in the units it is kept in, in those of the sheet.
SHOWN_AS = {
    "min": ("seconds", "minutes"),
    "mi": ("metres", "miles"),
    "km": ("metres", "kilometres"),
    "gal": ("litres", "US gallons"),
    "local time": ("UTC", "local time"),
}
OWN_WORDS = {
    "driver": "initials of the driver, else the id: mail is forwarded",
    "economy": "distance per fuel or fuel per distance (K21), where the fuel is known",
}


class Field(NamedTuple):
    """One column: its name, its unit, how it is shown, the column of the mart that it is of, and its value in a row."""

    name: str
    unit: str
    shape: str
    column: str
    value: Callable[[Any], object]


class Table(NamedTuple):
    """A sheet, or a CSV: the rows of one mart."""

    title: str
    mart: str
    fields: Sequence[Field]
    rows: Sequence[Any]


def attachments(data: DailyData, units: Units) -> dict[str, bytes]:
    """Return the attachments by file name."""
    tables = [_routes(data, units), _vans(data, units)]
    day = data.service_date
    return {
        **{f"{table.title.lower()}-{day}.csv": csv_of(table) for table in tables},
        f"daily-{day}.xlsx": workbook_of(tables, day),
    }


def _routes(data: DailyData, units: Units) -> Table:
    make = _Fields(data, units)

    def idle_min(row: RouteDay) -> float | None:
        return _per(route_idle_s(row, data), 60)

    fields = [
        make.day(), make.text("route_id"), make.text("vehicle_id"),
        Field("driver", "", "", "", lambda row: initials(row.driver_name, row.driver_id)),
        make.text("role"),
        make.clock("planned_exit_local", "planned_exit_utc"), make.clock("exit_local", "depot_exit_utc"),
        make.clock("planned_return_local", "planned_return_utc"), make.clock("return_local", "depot_return_utc"),
        make.minutes("route_time_min", "route_time_s"), make.minutes("planned_route_time_min", "planned_route_time_s"),
        make.share("route_utilization", "share of plan"), make.share("productive_share", "share of route time"),
        make.distance(), make.share("stem_share", "share of distance"),
        make.count("stops_done", "completed_stop_count"), make.count("stops_planned", "planned_stop_count"),
        make.count("stops_seen", "stop_count"),
        make.number("stops_per_hour", "stops/h", ONE, decimals=1), make.number("mean_dwell_s", "s", ONE, decimals=1),
        Field("idle_min", "min", ONE, "idle_s", idle_min),
        Field("idle_share", "share of engine-on time", SHARE, "idle_share",
              lambda row: None if idle_min(row) is None else _ratio(row, row.idle_share)),
        make.volume("fuel_used", "fuel_used_l"), make.economy(),
        make.number("cost", "currency", TWO, decimals=2), make.text("currency"), make.coverage(),
    ]  # fmt: skip
    return Table("Routes", "route_days", fields, data.routes)


def _vans(data: DailyData, units: Units) -> Table:
    make = _Fields(data, units)
    fields = [
        make.day(), make.text("vehicle_id"), make.text("depot_id"),
        make.clock("first_fix_local", "first_fix_utc"), make.clock("last_fix_local", "last_fix_utc"),
        make.minutes("drive_min", "drive_s"), make.minutes("idle_min", "idle_s", of_engine=True),
        make.minutes("ready_min", "ready_s"), make.minutes("off_min", "off_s", of_engine=True),
        make.minutes("parked_min", "parked_s"), make.minutes("unknown_min", "unknown_s"),
        Field("idle_share", "share of engine-on time", SHARE, "idle_share",
              lambda row: _ratio(row, row.idle_share) if make.has_engine else None),
        make.count("idle_events", "idle_event_count"),
        make.minutes("idle_in_events_min", "excess_idle_s", of_engine=True),
        make.volume("idle_fuel", "idle_fuel_l"), make.number("idle_cost", "currency", TWO, decimals=2),
        make.distance(), make.text("distance_source"), make.count("stops_seen", "stop_count"),
        make.volume("fuel_used", "fuel_used_l"), make.economy(), make.number("co2_kg", "kg", ONE, decimals=2),
        make.text("currency"), make.coverage(),
    ]  # fmt: skip
    return Table("Vans", "vehicle_days", fields, sorted(data.vehicles, key=lambda van: van.vehicle_id))


class _Fields:
    """Makes the columns of a day in the reader's units."""

    def __init__(self, data: DailyData, units: Units) -> None:
        self.data, self.units = data, units
        self.has_engine = not lacks_ignition(data.vehicles)

    def day(self) -> Field:
        return Field("service_date", "", "", "service_date", lambda row: self.data.service_date)

    def text(self, column: str) -> Field:
        return Field(column, "", "", column, lambda row: getattr(row, column))

    def count(self, name: str, column: str) -> Field:
        return Field(name, "number", WHOLE, column, lambda row: getattr(row, column))

    def number(self, column: str, unit: str, shape: str, *, decimals: int) -> Field:
        return Field(column, unit, shape, column, lambda row: _rounded(getattr(row, column), decimals))

    def minutes(self, name: str, column: str, *, of_engine: bool = False) -> Field:
        is_known = self.has_engine or not of_engine
        return Field(name, "min", ONE, column, lambda row: _per(getattr(row, column), 60) if is_known else None)

    def share(self, column: str, unit: str) -> Field:
        return Field(column, unit, SHARE, column, lambda row: _ratio(row, getattr(row, column)))

    def coverage(self) -> Field:
        return Field("coverage", "share of time", SHARE, "coverage", lambda row: _rounded(row.coverage, 4))

    def distance(self) -> Field:
        unit = self.units.distance
        return Field(f"distance_{unit}", unit, ONE, "distance_m", lambda row: _per(row.distance_m, self.units.metres))

    def volume(self, name: str, column: str) -> Field:
        unit = self.units.volume.lower()
        return Field(f"{name}_{unit}", unit, TWO, column, lambda row: _per(getattr(row, column), self.units.litres))

    def economy(self) -> Field:
        def value(row: RouteDay | VehicleDay) -> float | None:
            return _rounded(gated(economy(row.fuel_distance_m, row.fuel_used_l, self.units), row).value, 2)

        return Field("economy", self.units.economy, ONE, "fuel_l_per_100km", value)

    def clock(self, name: str, column: str) -> Field:
        """An instant in local time, without a zone as spreadsheets have none."""
        zone = ZoneInfo(self.data.timezone)

        def value(row: Any) -> datetime | None:
            at = getattr(row, column)
            return None if at is None else at.astimezone(zone).replace(tzinfo=None)

        return Field(name, "local time", CLOCK, column, value)


def csv_of(table: Table) -> bytes:
    """Return the rows, units in the names of the columns; UTF-8 with a mark that Excel understands."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(field.name for field in table.fields)
    for row in table.rows:
        writer.writerow([_cell(field.value(row)) for field in table.fields])
    return out.getvalue().encode("utf-8-sig")


def workbook_of(tables: Sequence[Table], day: date) -> bytes:
    """Return the tables as sheets, and one that says what their columns mean."""
    sheets = [
        Sheet(
            table.title,
            [Heading(field.name, field.unit, field.shape) for field in table.fields],
            [[field.value(row) for field in table.fields] for row in table.rows],
        )
        for table in tables
    ]
    headings = [
        Heading("sheet", ""), Heading("column", ""), Heading("unit", ""), Heading("what it means", ""),
        Heading("how it is made", "of columns in s, m and l"), Heading("measure", "docs/definitions.md"),
    ]  # fmt: skip
    meanings = [_meaning(table, field) for table in tables for field in table.fields]
    out = io.BytesIO()
    created = datetime(day.year, day.month, day.day)
    write_sheets(out, [*sheets, Sheet(MEANINGS, headings, meanings, wraps=True)], created=created)
    return out.getvalue()


def _meaning(table: Table, field: Field) -> list[object]:
    """Return what is said of a column in the data dictionary, and its formula and number in the lineage."""
    meant = OWN_WORDS.get(field.name) or dictionary().column(f"marts.{table.mart}", field.column) or ""
    stored, shown = SHOWN_AS.get(field.unit, ("", ""))
    meant = meant.replace(stored, shown) if stored else meant
    lineage = listed_lineage().get(table.mart)
    origin = lineage.columns.get(field.column) if lineage else None
    made = f"marts.{table.mart}.{field.column}" if field.column else None
    if origin is not None:
        made = origin.formula or f"{origin.value} of {origin.source}"
    return [table.title, field.name, field.unit, meant, made, origin.kpi if origin else None]


def _ratio(row: RouteDay | VehicleDay, value: float | None) -> float | None:
    return _rounded(gated(value, row).value, 4)


def _per(value: float | None, size: float) -> float | None:
    return None if value is None else round(value / size, 2)


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def _cell(value: object) -> object:
    """Return a value that a spreadsheet will not take for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    if isinstance(value, datetime):
        return f"{value:%H:%M}"
    return "" if value is None else value
